import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from './decode.ts';
import { kindId } from './kind.ts';
import { kinds } from './index.ts';
import { meshConfigOf } from './mesh-config.ts';
import { originOf, pathText } from './object.ts';
import { MeshFields } from './shared/mesh-fields.ts';
import { idleFields } from './idle-fields.ts';
import { unreadFields } from './unread-fields.ts';

const paths = (findings: readonly { code: string; path: readonly (string | number)[] }[]): string[] =>
  findings.filter(({ code }) => code === 'LAT0001' || code === 'LAT0002').map(({ code, path }) => `${code} ${pathText(path)}`);

const said = (kind: string, spec: object): string[] => {
  const { object, diagnostics } = decode(
    { apiVersion: 'networking.istio.io/v1', kind, metadata: { name: 'x' }, spec },
    originOf('test'),
  );
  assert.ok(object, JSON.stringify(diagnostics));
  return paths(diagnostics);
};

test('a field that says nothing is named, wherever it stands', () => {
  const port = { number: 80, name: 'a', protocol: 'HTTP', targetPort: 1 };
  const servers = [{ port, hosts: ['*'], defaultEndpoint: '127.0.0.1:1' }];
  assert.deepEqual(said('Gateway', { servers }), [
    'LAT0002 spec.servers[0].defaultEndpoint',
    'LAT0002 spec.servers[0].port.targetPort',
  ]);
  const silent = [{ ...servers[0], port: { ...port, targetPort: 0 }, defaultEndpoint: '' }];
  assert.deepEqual(said('Gateway', { servers: silent }), []);
});

test('so does the mesh configuration, but not for what is off', () => {
  const { findings } = meshConfigOf({
    enableTracing: true,
    enablePrometheusMerge: false,
    discoverySelectors: [],
    defaultConfig: {
      gatewayTopology: { numTrustedProxies: 1 },
      proxyStatsMatcher: { inclusionPrefixes: ['a'] },
      extraStatTags: ['a'],
      statusPort: 1,
    },
  });
  assert.deepEqual(paths(findings).sort(), [
    'LAT0001 defaultConfig.extraStatTags',
    'LAT0001 enableTracing',
    'LAT0002 defaultConfig.statusPort',
  ]);
});

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
}

test('the tables name fields that there are', () => {
  for (const { kind, under, fields } of [...unreadFields, ...idleFields]) {
    const schema = kind === 'MeshConfig' ? MeshFields : kinds.find((each) => kindId(each.group, each.kind) === kind)?.schema;
    assert.ok(schema, kind);
    for (const parent of under) {
      for (const field of fields) {
        const steps = `${parent}.${field}`.replace(/^\./, '').replaceAll('[]', '.[]').split('.');
        let node: Node | undefined = schema as Node;
        for (const step of steps) node = step === '[]' ? node?.items : step === '*' ? node : node?.properties?.[step];
        assert.ok(node, `${kind} ${parent}.${field}`);
      }
    }
  }
});

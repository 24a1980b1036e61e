import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from './decode.ts';
import { kindId } from './kind.ts';
import { kinds } from './index.ts';
import { meshConfigOf } from './mesh-config.ts';
import { originOf, pathText } from './object.ts';
import { MeshFields } from './shared/mesh-fields.ts';
import { unreadFields } from './unread-fields.ts';

const paths = (findings: readonly { code: string; path: readonly (string | number)[] }[]): string[] =>
  findings.filter(({ code }) => code === 'LAT0001').map(({ path }) => pathText(path));

const said = (kind: string, spec: object): string[] => {
  const { object, diagnostics } = decode(
    { apiVersion: 'networking.istio.io/v1', kind, metadata: { name: 'x' }, spec },
    originOf('test'),
  );
  assert.ok(object, JSON.stringify(diagnostics));
  return paths(diagnostics);
};

test('a field that nothing reads says so, wherever it may stand', () => {
  const policy = { loadBalancer: { zoneAwareLbSetting: { enabled: true } } };
  assert.deepEqual(
    said('DestinationRule', { host: 'a', trafficPolicy: policy, subsets: [{ name: 's', trafficPolicy: policy }] }),
    ['spec.trafficPolicy.loadBalancer.zoneAwareLbSetting', 'spec.subsets[0].trafficPolicy.loadBalancer.zoneAwareLbSetting'],
  );
  assert.deepEqual(said('DestinationRule', { host: 'a', trafficPolicy: { connectionPool: { tcp: { maxConnections: 1 } } } }), []);
});

test('so does the mesh configuration, but not for what is off', () => {
  const { findings } = meshConfigOf({
    enableTracing: true,
    enablePrometheusMerge: false,
    discoverySelectors: [],
    defaultConfig: {
      gatewayTopology: { numTrustedProxies: 1 },
      proxyStatsMatcher: { inclusionPrefixes: ['a'], inclusionRegexps: ['b'] },
      statusPort: 1,
    },
  });
  assert.deepEqual(paths(findings).sort(), [
    'defaultConfig.proxyStatsMatcher.inclusionRegexps',
    'defaultConfig.statusPort',
    'enableTracing',
  ]);
});

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
}

test('the table names fields that there are', () => {
  for (const { kind, under, fields } of unreadFields) {
    const schema = kind === 'MeshConfig' ? MeshFields : kinds.find((each) => kindId(each.group, each.kind) === kind)?.schema;
    assert.ok(schema, kind);
    for (const parent of under) {
      for (const field of fields) {
        const steps = `${parent}.${field}`.replace(/^\./, '').replaceAll('[]', '.[]').split('.');
        // The budget of retries stands beside a policy's settings for single ports, not in them.
        if (field.startsWith('retryBudget') && parent.endsWith('[]')) continue;
        let node: Node | undefined = schema as Node;
        for (const step of steps) node = step === '[]' ? node?.items : step === '*' ? node : node?.properties?.[step];
        assert.ok(node, `${kind} ${parent}.${field}`);
      }
    }
  }
});

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { parse } from 'yaml';
import { meshConfigDefaults } from '../api/mesh-config.ts';
import { Failure } from './failure.ts';
import { program, wholeTree } from './program.ts';
import { fakeControl, type FakeControl } from '../../test/support/fake-control.ts';
import { recordedTerminal } from '../../test/support/terminal.ts';

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A command line as main runs it. Everything that could be coloured is. */
async function run(argv: readonly string[]): Promise<Ran> {
  const { terminal, out, err } = recordedTerminal({ style: (_style, text) => `\u001B[1m${text}\u001B[0m` });
  try {
    return { code: await program(argv, terminal), out: out(), err: err() };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { code: error.exitCode, out: out(), err: `${err()}${error.message} (${error.help})` };
  }
}

const { root } = await wholeTree();
const commands = root.commands.map((command) => ({
  name: command.name(),
  flags: command.options.flatMap(({ long }) => long ?? []),
  formats: command.options.find(({ long }) => long === '--output')?.description ?? '',
}));

describe('every verb', () => {
  for (const { name, flags, formats } of commands) {
    it(`${name} --help shows how it is called, with examples`, async () => {
      for (const argv of [
        [name, '--help'],
        ['help', name],
      ]) {
        const { code, out, err } = await run(argv);
        assert.deepEqual([code, err], [0, '']);
        assert.match(out, new RegExp(`^Usage: lateen ${name} `));
        assert.match(out, new RegExp(`\\nExamples:\\n(?:.*\\n)*.*lateen ${name}`));
        for (const flag of flags) assert.ok(out.includes(flag), flag);
      }
    });

    const [long] = flags;
    if (long !== undefined)
      it(`${name} says which option was meant by one that it does not have`, async () => {
        const wrong = `${long}x`;
        const { code, out, err } = await run([name, wrong]);
        assert.deepEqual([code, out], [2, '']);
        assert.match(err, new RegExp(`^lateen: unknown option '${wrong}'\\n\\(Did you mean (?:${long}|.*${long}.*)\\?\\)`));
        assert.match(err, new RegExp(`lateen ${name} --help shows how it is called\\n$`));
      });

    if (formats !== '')
      it(`${name} refuses a format that it does not have, and names those that it has`, async () => {
        const { code, out, err } = await run([name, '-o', 'jsn', 'a', 'b']);
        assert.deepEqual([code, out], [2, '']);
        assert.match(err, /^there is no format jsn \(did you mean json\? use .*json/);
      });
  }
});

const manifests = `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.5, selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec: {hosts: [web], http: [{route: [{destination: {host: web, subset: v9}}]}]}
`;

const workload = {
  namespace: 'default',
  name: 'web-1',
  proxy: 'ready',
  identity: 'spiffe://cluster.local/ns/default/sa/web',
  certificateExpires: '2030-01-01T00:00:00Z',
  configuration: 'rejected',
  rejection: 'listener l: no',
  types: [
    { type: 'listener', resources: 3, state: 'rejected' },
    { type: 'called', resources: 2, state: 'arrived' },
  ],
};
const request = { id: 'r1', time: '2030-01-01T00:00:00Z', from: 'a.default', to: 'web.default', failed: false };
const dump = readFileSync(new URL('../../samples/dumps/sidecar-demand.json', import.meta.url), 'utf8');

const answers = {
  'GET /v1/version': { version: '9', pid: 1 },
  'GET /v1/status': {
    version: '9',
    started: '2030-01-01T00:00:00Z',
    state: '/run',
    addresses: {},
    workloads: [workload],
    diagnostics: { error: 0, warning: 0, info: 0 },
    behind: [],
  },
  'GET /v1/pods': [],
  'GET /v1/objects': {
    kinds: [{ group: '', kind: 'Pod', plural: 'pods', namespaced: true, columns: [], items: [] }],
    missing: [],
  },
  'GET /v1/diagnostics': [{ severity: 'error', code: 'IST0101', text: 'x' }],
  'GET /v1/requests': [request],
  'GET /v1/happened': { hops: [{ row: request, steps: [] }] },
  'GET /v1/scope': {
    workload: 'web',
    namespace: 'default',
    proxies: 1,
    since: '2030-01-01T00:00:00Z',
    selector: { app: 'web' },
    sidecars: [],
    services: [],
    outside: [],
  },
  'GET /v1/proxy': { status: 200, body: dump },
  'POST /v1/proxy': { status: 200, body: 'active loggers:\n  admin: info\n  http: debug\n' },
  'POST /v1/places': { places: [] },
  'POST /v1/analysis': { objects: 1, diagnostics: [], suppressed: 0 },
  'GET /v1/mesh': {
    meshConfig: meshConfigDefaults(),
    meshNetworks: { networks: {} },
    clusterId: 'Kubernetes',
    objects: [],
    waiting: [],
  },
};

describe('what verbs tell programs', () => {
  let control: FakeControl;
  let folder: string;
  before(async () => {
    control = await fakeControl(answers);
    folder = mkdtempSync(join(tmpdir(), 'lateen-verbs-'));
    writeFileSync(join(folder, 'mesh.yaml'), manifests);
    writeFileSync(join(folder, 'web.test.yaml'), 'tests: [{request: GET http://web/, expect: {status: 503}}]\n');
  });
  after(async () => {
    await control[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A command line of each verb that has structured output; FILES and TESTS are files, the others ask the mesh. */
  const lines: readonly string[] = [
    'status',
    'ps',
    'ps -A',
    'get pods',
    'get diagnostics',
    'requests',
    'requests --failed',
    'scope web',
    'why GET http://web/ -f FILES',
    'why dns web -f FILES',
    'why 0123abcd',
    'plan FILES --against FILES',
    'test TESTS -f FILES',
    'proxy',
    'proxy web',
    'proxy web routes --fqdn reviews',
    'proxy routes web',
    'proxy web endpoints',
    'proxy web log --level http:debug,info',
    'proxy --dump samples/dumps/gateway.json l --port 8080',
    'compile -f FILES --workload web',
    'validate -f FILES',
    'analyze -f FILES',
    'analyze',
    'version',
  ];
  const argvOf = (line: string, format: string): string[] => {
    const [verb = '', ...rest] = line.split(' ');
    const offline = /FILES|--dump/.test(line) && verb !== 'proxy';
    const named = rest.map((word) =>
      word.replace('FILES', join(folder, 'mesh.yaml')).replace('TESTS', join(folder, 'web.test.yaml')),
    );
    return [verb, ...named, ...(offline || line.includes('--dump') ? [] : ['--state', control.state]), '-o', format];
  };

  for (const line of lines)
    it(`${line} is one JSON value, and the same in YAML, without colour`, async () => {
      const [json, yaml] = [await run(argvOf(line, 'json')), await run(argvOf(line, 'yaml'))];
      assert.ok(json.code < 2, json.err);
      const value: unknown = JSON.parse(json.out);
      // scope's YAML is an object to apply.
      if (!line.startsWith('scope')) assert.deepEqual(parse(yaml.out), value);
    });

  it('is tried of every verb that has it', () => {
    const tried = new Set(lines.map((line) => line.split(' ')[0]));
    assert.deepEqual(
      commands.filter(({ formats, name }) => formats.includes('json') && !tried.has(name)).map(({ name }) => name),
      [],
    );
  });
});

describe('lateen proxy', () => {
  it('tells how far each proxy is, and what was refused in Envoy’s words', async () => {
    await using control = await fakeControl(answers);
    const { code, out } = await run(['proxy', '--state', control.state]);
    assert.equal(code, 0);
    const plain = stripVTControlCharacters(out);
    assert.match(plain, /^PROXY +NAMESPACE +LISTENERS +ROUTES +CLUSTERS +ENDPOINTS\n/);
    assert.match(plain, /^web-1 +default +rejected \(3\) +- +arrived \(2\) +-$/m);
    assert.match(plain, /^web-1\.default: Envoy rejected listener l: no$/m);
  });

  it('asks where the fields stand, and says what was not called yet as far as that is known', async () => {
    await using control = await fakeControl({
      ...answers,
      'POST /v1/places': { places: Array.from({ length: 99 }, () => ({ path: 'spec.here', place: 'mesh.yaml:7' })) },
    });
    const { out } = await run(['proxy', 'nobody', 'clusters', '--state', control.state]);
    assert.match(out, /DestinationRule\/default\/reviews spec\.here \(mesh\.yaml:7\)/);
    assert.match(out, /On demand: clusters that are not here come when they are called\.\n$/);
  });

  const wrong: readonly (readonly [argv: string, says: RegExp])[] = [
    ['web rotes', /there is no topic rotes \(did you mean routes\?/],
    ['routes', /which workload\? \(lateen proxy WORKLOAD routes\)/],
    ['web routes --subset v1', /--subset means nothing for routes/],
    ['web bootstrap --port 80', /--port means nothing for bootstrap/],
    ['web routes --level debug', /--level is for the topic log/],
    ['web log --level loud', /loud is not a level/],
    ['--port 80', /--port is for the configuration of one proxy/],
    ['--dump samples/dumps/gateway.json web routes', /a dump is of one proxy/],
    ['log --dump samples/dumps/gateway.json', /log levels are those of a running proxy/],
  ];
  for (const [line, says] of wrong)
    it(`does not take ${line}`, async () => {
      const { code, err, out } = await run(['proxy', '--state', '/nowhere', ...line.split(' ')]);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, says);
    });

  it('knows the loggers that there are', async () => {
    await using control = await fakeControl(answers);
    const { code, err } = await run(['proxy', 'web', 'log', '--level', 'htp:debug', '--state', control.state]);
    assert.equal(code, 1);
    assert.match(err, /Envoy has no logger htp \(did you mean http\?\)/);
  });
});

// A change planned with the requests that the running mesh has recorded: what `plan --replay` foretells of them is what really becomes
// of the same requests once the change is applied.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { RequestsAnswer } from '../../src/control/api/contract.ts';
import type { Plan } from '../../src/explain/plan/plan.ts';
import type { Replay, ReplayDifference } from '../../src/explain/replay/replay.ts';
import { node, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();

const server = (version: string): string =>
  `require('http').createServer((q, s) => s.end('${version} ' + q.headers.host + q.url)).listen(8080);`;

const pod = (name: string, command: readonly string[], labels: object, more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels },
  spec: { containers: [{ name, image: 'curlimages/curl', command, ...more }] },
});
const echo = (version: string): object =>
  pod(
    `echo-${version}`,
    [node, '-e', server(version)],
    { app: 'echo', version },
    { readinessProbe: { tcpSocket: { port: 8080 } } },
  );
const sleeping = ['sleep', 'infinity'];

const rule = (http: readonly object[]): object => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'echo' },
  spec: { hosts: ['echo'], http },
});
const to = (subset: string) => [{ destination: { host: 'echo', subset } }];
const jason = { match: [{ headers: { 'x-user': { exact: 'jason' } } }], route: to('v2') };
const renamed = { match: [{ uri: { prefix: '/renamed' } }], rewrite: { authority: 'other.example' }, route: to('v1') };

const given = [
  echo('v1'),
  echo('v2'),
  pod('caller', sleeping, { app: 'caller' }),
  pod('outsider', sleeping, { app: 'outsider', 'sidecar.istio.io/inject': 'false' }),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'echo' },
    spec: { selector: { app: 'echo' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'echo' },
    spec: { host: 'echo', subsets: ['v1', 'v2'].map((version) => ({ name: version, labels: { version } })) },
  },
  rule([jason, renamed, { route: to('v1') }]),
];

const guard = {
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name: 'guard' },
  spec: {
    selector: { matchLabels: { app: 'echo' } },
    action: 'DENY',
    rules: [{ to: [{ operation: { ports: ['8080'], paths: ['/admin*', '/direct*'] } }] }],
  },
};
const changed = [
  guard,
  rule([
    jason,
    renamed,
    { match: [{ uri: { prefix: '/gone' } }], directResponse: { status: 410 } },
    { match: [{ uri: { prefix: '/old' } }], rewrite: { uri: '/new' }, route: to('v1') },
    { match: [{ uri: { prefix: '/slow' } }], timeout: '3s', route: to('v1') },
    { match: [{ headers: { beta: { exact: '1' } }, uri: { prefix: '/beta' } }], route: to('v2') },
    { match: [{ uri: { prefix: '/beta' } }], route: to('v1') },
    { route: to('v2') },
  ]),
];

const text = (objects: readonly object[]): string => objects.map((each) => JSON.stringify(each)).join('\n---\n');

let mesh: RunningMesh;
before(async () => {
  if (skip === false) mesh = await startMesh({ text: text(given) });
});
after(async () => mesh?.[Symbol.asyncDispose]());

/** What is asked, and how it is really answered: its status, and what the server that it came to says. */
interface Question {
  readonly from: 'caller' | 'outsider';
  readonly path: string;
  readonly args?: readonly string[];
}
const questions: readonly Question[] = [
  { from: 'caller', path: '/a' },
  { from: 'caller', path: '/as-jason', args: ['-H', 'x-user: jason'] },
  { from: 'caller', path: '/admin' },
  { from: 'caller', path: '/gone' },
  { from: 'caller', path: '/old' },
  { from: 'caller', path: '/slow' },
  { from: 'caller', path: '/beta' },
  { from: 'caller', path: '/renamed' },
  { from: 'outsider', path: '/direct' },
];

async function ask({ from, path, args = [] }: Question): Promise<string> {
  const host = from === 'outsider' ? `${(await mesh.pod('echo-v1')).address}:8080` : 'echo';
  const { status, body } = await mesh.curl(from, ...args, `http://${host}${path}`);
  return `${status} ${status === 200 ? body : ''}`.trim();
}

async function plan(...args: readonly string[]): Promise<Plan & { readonly replay: Replay }> {
  const { code, stdout, stderr } = await mesh.lateen(['plan', '-o', 'json', ...args]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Plan & { readonly replay: Replay };
}

const differenceOf = ({ differences }: Replay, path: string): ReplayDifference | undefined =>
  differences.find(({ examples }) => examples.some(({ request }) => request.endsWith(path)));
const said = ({ differences }: Replay, path: string): string =>
  differenceOf({ differences } as Replay, path)
    ?.in.map(({ kind, before: was, after: is }) => `${kind}: ${was} → ${is}`)
    .join('\n') ?? 'the same';

test('recorded requests are answered after a change as its plan foretold', { skip }, async () => {
  const before = new Map<string, string>();
  for (const question of questions) before.set(question.path, await ask(question));
  assert.deepEqual(Object.fromEntries(before), {
    '/a': '200 v1 echo/a',
    '/as-jason': '200 v2 echo/as-jason',
    '/admin': '200 v1 echo/admin',
    '/gone': '200 v1 echo/gone',
    '/old': '200 v1 echo/old',
    '/slow': '200 v1 echo/slow',
    '/beta': '200 v1 echo/beta',
    '/renamed': '200 v1 other.example/renamed',
    '/direct': `200 v1 ${(await mesh.pod('echo-v1')).address}:8080/direct`,
  });
  let rows: RequestsAnswer = [];
  const listed = async () => {
    rows = JSON.parse((await mesh.lateen(['requests', '-o', 'json', '--since', '5m'])).stdout) as RequestsAnswer;
    const isWhole = ({ from, destination }: RequestsAnswer[number]) => destination !== undefined || from === '';
    return questions.every(({ path }) => rows.some((row) => row.path === path && isWhole(row)));
  };
  await until(listed, () => `the records; there are ${JSON.stringify(rows.map(({ from, path }) => `${from} ${path}`))}`);

  const file = mesh.write('change.yaml', text(changed));
  const { replay } = await plan('-f', file, '--replay');
  const rewritten = rows.find(({ path }) => path === '/renamed');
  assert.equal(rewritten?.authority, 'echo', 'a record has the host that was asked for');
  assert.equal(replay.recorded, rows.length);
  assert.deepEqual(replay.notReplayed, []);
  assert.equal(replay.answeredOtherwise, undefined, JSON.stringify(replay.answeredOtherwise));
  const foretold = Object.fromEntries(questions.map(({ path }) => [path, said(replay, path)]));
  assert.deepEqual(foretold, {
    '/a': 'subset: echo.default:80 v1 → echo.default:80 v2',
    '/as-jason': 'the same',
    '/admin': 'subset: echo.default:80 v1 → echo.default:80 v2\nverdict: arrives → answered 403',
    '/gone': 'verdict: arrives → answered 410',
    '/old': 'request:  → path /old becomes /new',
    '/slow': 'timeout: no timeout → timeout 3 s',
    '/beta': 'the same',
    '/renamed': 'the same',
    '/direct': 'verdict: arrives → answered 403',
  });
  // With the line that decides on each side, here and in the mesh's own file.
  const [subset] = differenceOf(replay, '/a')?.in ?? [];
  assert.match(subset?.beforeOrigins[0]?.place ?? '', /given\.yaml:\d+$/);
  assert.match(subset?.afterOrigins[0]?.place ?? '', /change\.yaml:\d+$/);
  // Nobody recorded the header, so nobody says what becomes of it.
  assert.deepEqual(
    replay.undecidedBy.map(({ why, examples }) => [why, examples.map(({ request }) => request)]),
    [['it hangs on header beta "1"', ['GET http://echo/beta']]],
  );
  const example = differenceOf(replay, '/a')?.examples.find(({ request }) => request.endsWith('/a'));
  const { stdout: why } = await mesh.lateen(['why', example?.id ?? '']);
  assert.match(why, /GET echo\/a: 200/);

  await mesh.apply(file);
  const after: Readonly<Record<string, string>> = {
    '/a': '200 v2 echo/a',
    '/as-jason': '200 v2 echo/as-jason',
    '/admin': '403',
    '/gone': '410',
    '/old': '200 v1 echo/new',
    '/slow': '200 v1 echo/slow',
    '/beta': '200 v1 echo/beta',
    '/renamed': '200 v1 other.example/renamed',
    '/direct': '403',
  };
  let last: Record<string, string> = {};
  await until(
    async () => {
      last = {};
      for (const question of questions) last[question.path] = await ask(question);
      return Object.entries(after).every(([path, answer]) => last[path] === answer);
    },
    () => `${JSON.stringify(after)}; it is ${JSON.stringify(last)}`,
  );
});

test('a plan of the running mesh knows what waits, and what MeshConfig would be', { skip }, async () => {
  const nowhere = mesh.write('nowhere.yaml', text([rule([{ route: to('v9') }])]));
  const { groups, diagnostics } = await plan('-f', nowhere);
  // It stays as it was until there is such a subset.
  assert.deepEqual(groups, []);
  assert.match(JSON.stringify(diagnostics.appear), /v9/);
  const config = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: 'istio-system' },
    data: { mesh: 'outboundTrafficPolicy: {mode: REGISTRY_ONLY}' },
  };
  const { settings, groups: others } = await plan('-f', mesh.write('config.yaml', text([config])));
  assert.deepEqual(settings, [
    { of: 'MeshConfig', path: 'outboundTrafficPolicy.mode', before: 'ALLOW_ANY', after: 'REGISTRY_ONLY' },
  ]);
  assert.notDeepEqual(others, []);
});

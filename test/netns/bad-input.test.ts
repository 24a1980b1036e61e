// Bad input of every kind to a mesh that runs: one clear message each, the rest goes on, and the last good configuration keeps serving.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { program, sample, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { sayOverTcp } from '../support/tcp.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();

/** The rules of a VirtualService for httpbin, from line 8 on. */
const rules = (text: string): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: httpbin-inside
spec:
  hosts: [httpbin]
  http:
${text}
`;
const aborting = (status: number) =>
  rules(`  - fault: {abort: {httpStatus: ${status}, percentage: {value: 100}}}\n    route: [{destination: {host: httpbin}}]`);

const pod = (name: string, image: string, command = '') =>
  `apiVersion: v1\nkind: Pod\nmetadata:\n  name: ${name}\nspec:\n  containers:\n  - name: main\n    image: ${image}${command === '' ? '' : `\n    command: ${command}`}\n`;

let mesh: RunningMesh;
/** Somebody has the port that the gateway is to be published on. */
const holder = createServer();

before(async () => {
  if (skip !== false) return;
  // Somebody else on this machine may have it already, which is as good.
  await new Promise<void>((resolve) => holder.once('error', () => resolve()).listen(31400, '127.0.0.1', resolve));
  mesh = await startMesh({
    files: [
      sample('httpbin/httpbin.yaml'),
      sample('curl/curl.yaml'),
      sample('tcp-echo/tcp-echo-services.yaml'),
      sample('tcp-echo/tcp-echo-all-v1.yaml'),
    ],
    text: aborting(418),
  });
});

after(async () => {
  holder.close();
  await mesh?.[Symbol.asyncDispose]();
});

const status = async () => (await mesh.curl('curl', 'http://httpbin:8000/get')).status;

/** Applies a file of its own; answers the exit code and all that was said. */
async function apply(name: string, text: string): Promise<{ readonly code: number | null; readonly said: string }> {
  const { code, stdout, stderr } = await mesh.lateen(['apply', '-f', mesh.write(name, text)]);
  return { code, said: stdout + stderr };
}

for (const [what, text, message] of [
  [
    'YAML that does not parse',
    'apiVersion: v1\nkind: Service\n  metadata: {}\n',
    /f\.yaml:2:7: error LAT0101: .*not valid YAML.* \(.+\)/,
  ],
  [
    'an unknown kind',
    'apiVersion: networking.istio.io/v1\nkind: VirtualServce\nmetadata: {name: x}\n',
    /f\.yaml:2:1: \w+ LAT1005 VirtualServce\/x kind: .*\(did you mean VirtualService/,
  ],
  [
    'an unknown field',
    rules('  - rout: [{destination: {host: httpbin}}]'),
    /f\.yaml:8:5: \w+ LAT1002 VirtualService\/default\/httpbin-inside spec\.http\[0\]\.rout: .*\(did you mean `route`\?\)/,
  ],
  [
    'a value out of range',
    aborting(1000),
    /f\.yaml:8:21: error LAT1113 VirtualService\/default\/httpbin-inside spec\.http\[0\]\.fault\.abort\.httpStatus: 1000 .*\(use 200 to 599\)/,
  ],
] as const) {
  test(`${what} is refused, and what was there keeps serving`, { skip }, async () => {
    await until(
      async () => (await status()) === 418,
      () => 'the good rule',
    );
    const { code, said } = await apply('f.yaml', text);
    assert.equal(code, 1);
    assert.match(said, message);
    assert.equal(await status(), 418);
  });
}

test('one bad object does not stop the others of its file', { skip }, async (t) => {
  t.after(() => mesh.delete('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fine}\n'));
  const { code, said } = await apply(
    'mixed.yaml',
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fine}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: broken}\nspec:\n  ports: [{port: 99999}]\n',
  );
  assert.equal(code, 1);
  assert.match(said, /configmap\/fine created/);
  assert.match(said, /mixed\.yaml:9:12: error LAT1003 Service\/default\/broken spec\.ports\[0\]\.port: 99999 is out of range/);
});

test('a reference to nothing is told when it is applied, and mended by what it names', { skip }, async (t) => {
  const destination = `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: httpbin
spec:
  host: httpbin
  subsets: [{name: v9, labels: {version: v1}}]
`;
  const rule = rules('  - route: [{destination: {host: httpbin, subset: v9}}]');
  t.after(() => mesh.delete(rule, destination));
  const { code, said } = await apply('dangling.yaml', rule);
  assert.equal(code, 0);
  assert.match(
    said,
    /dangling\.yaml:8:14: warning LAT1901 VirtualService\/default\/httpbin-inside spec\.http\[0\]\.route\[0\]\.destination: subset v9 .*\(create it/,
  );
  assert.equal(await status(), 418, 'the earlier form of the rule stays in effect');
  const mended = await apply('mended.yaml', destination);
  assert.deepEqual([mended.code, /LAT1901/.test(mended.said)], [0, false]);
  await until(
    async () => (await status()) === 200,
    () => 'the subset',
  );
  assert.doesNotMatch((await mesh.lateen(['get', 'diagnostics'])).stdout, / error /);
});

test('two objects with one name: the first counts', { skip }, async () => {
  const { code, said } = await apply('twice.yaml', `${aborting(419)}---\n${aborting(420)}`);
  assert.equal(code, 1);
  assert.match(said, /twice\.yaml:14:3: error LAT0103 .*defined already at .*twice\.yaml:4:3; .*left out \(.+\)/);
  await until(
    async () => (await status()) === 419,
    () => 'the first',
  );
  await mesh.delete(aborting(419));
  await until(
    async () => (await status()) === 418,
    () => 'the file’s own again',
  );
});

test('a watched file that breaks: what it said last keeps serving, until it is whole again', { skip }, async () => {
  const before = mesh.log.length;
  mesh.write('given.yaml', `${aborting(421)}  broken: [`);
  await until(
    () => /given\.yaml:\d+:\d+: error LAT0101/.test(mesh.log.slice(before)),
    () => 'a message',
  );
  assert.equal(await status(), 418);
  mesh.write('given.yaml', aborting(1000));
  await until(
    () => /given\.yaml:8:21: error LAT1113/.test(mesh.log.slice(before)),
    () => 'a message',
  );
  assert.equal(await status(), 418);
  mesh.write('given.yaml', aborting(422));
  await until(
    async () => (await status()) === 422,
    () => 'the repaired file',
  );
});

test('pods that cannot run say why, and the others run', { skip }, async () => {
  const pods = [
    pod('no-program', 'curlimages/curl', '["/no/such/program"]'),
    pod('no-image', 'example.com/never/heard:1'),
    pod('dies', 'curlimages/curl', '["/bin/sh", "-c", "echo last words; exit 3"]'),
  ].join('---\n');
  await mesh.apply(mesh.write('pods.yaml', pods));
  for (const message of [
    /pods\.yaml:9:5: error LAT2007 Pod\/default\/no-program spec\.containers\[0\]\.command: program \/no\/such\/program is not on this machine \(.+\)/,
    /pods\.yaml:\d+:5: error LAT2003 Pod\/default\/no-image spec\.containers\[0\]\.image: .*\(name one with --images/,
    /pods\.yaml:\d+:5: warning LAT2004 Pod\/default\/dies spec\.containers\[0\]: .*exit code 3 \(see lateen logs dies/,
  ]) {
    await until(
      () => message.test(mesh.log),
      () => `${message} in:\n${mesh.log}`,
    );
    assert.equal([...mesh.log.matchAll(new RegExp(message, 'g'))].length, 1, 'once');
  }
  await until(
    async () => /CrashLoopBackOff/.test((await mesh.lateen(['ps'])).stdout),
    () => 'the dying one in ps',
  );
  assert.match((await mesh.lateen(['logs', 'dies', '-c', 'main'])).stdout, /last words/);
  assert.equal(await status(), 422);
  await mesh.delete(`${mesh.state}/pods.yaml`);
  await until(
    async () => (await mesh.pods()).every(({ name }) => !/^(no-|dies)/.test(name)),
    () => 'their end',
  );
});

test('a published port that is taken: another one, and a line that says so', { skip }, async () => {
  assert.match(
    mesh.log,
    /port 31400 of 127\.0\.0\.1 is taken: istio-system\/istio-ingressgateway:31400 is published on \d+ instead/,
  );
  const port = await mesh.port(31400);
  assert.match(mesh.log, new RegExp(`published on ${port} instead`));
  assert.equal(await sayOverTcp(port, 'hello'), 'one hello');
});

/** `lateen up` in an environment where it cannot run. */
function upWithout(
  env: Readonly<Record<string, string>>,
  prefix: readonly string[] = [],
): { readonly code: number | null; readonly said: string } {
  const state = mkdtempSync('/tmp/lt-');
  try {
    const [file, ...args] = [...prefix, program, 'up', '--state', state];
    const {
      status: code,
      stdout,
      stderr,
    } = spawnSync(file ?? '', args, {
      encoding: 'utf8',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: state, XDG_CACHE_HOME: `${state}/cache`, NO_COLOR: '1', ...env },
      timeout: 60_000,
    });
    return { code, said: stdout + stderr };
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
}

test(
  'no Envoy: what was looked for, and what to do',
  { skip: skip || (existsSync('/usr/bin/envoy') && 'an Envoy is installed') },
  () => {
    const { code, said } = upWithout({});
    assert.equal(code, 1, said);
    assert.match(said, /no Envoy 1\.40\.0 on PATH or at .*\/cache\/lateen\/envoy\/1\.40\.0\/envoy.*\n? *.*npm run setup/);
  },
);

test(
  'no root and no user namespaces: what to do',
  { skip: skip || (process.getuid?.() !== 0 && 'only root can take them away') },
  () => {
    // A user namespace whose own limit is none: the way a locked-down kernel looks to whoever is in it.
    const { code, said } = upWithout({}, [
      'unshare',
      '--user',
      '--map-user=1000',
      '--map-group=1000',
      '--keep-caps',
      'sh',
      '-c',
      'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --ambient-caps=-all --inh-caps=-all --bounding-set=-all "$@"',
      'sh',
    ]);
    assert.equal(code, 1, said);
    assert.match(said, /this machine gives no namespaces/);
    assert.match(said, /max_user_namespaces/);
  },
);

test('options that mean nothing', { skip }, async () => {
  for (const [args, message] of [
    [['up', '--workload-cert-ttl', '1s'], /1s is no lifetime .*\(give from 10s to \d+h\)/],
    [['exec', 'nobody', '--', 'true'], /nobody/],
    [
      ['logs', 'curl', '-c', 'other'],
      /^lateen: LAT\d+: pod curl-\S+ has no container other \(choose one of curl, istio-proxy\)\n$/,
    ],
    [['apply', '-f', '/no/such/file.yaml'], /no\/such\/file\.yaml/],
  ] as const) {
    const { code, stderr } = await mesh.lateen(args);
    assert.notEqual(code, 0, args.join(' '));
    assert.match(stderr, message);
  }
});

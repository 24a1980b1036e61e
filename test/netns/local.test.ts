// The laptop platform for real: a sandbox, pods as processes in it, services, probes, restarts, rollouts, and nothing left behind.

import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { HostCommand } from '../../src/local/exec.ts';
import type { PodView } from '../../src/local/pod-view.ts';

const program = new URL('local-mesh.ts', import.meta.url).pathname;
const amRoot = process.getuid?.() === 0;
const nobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
const asRoot: readonly string[] = [];

const works = (prefix: readonly string[]): boolean => {
  const [file, ...args] = [
    ...prefix,
    'unshare',
    ...(prefix.length > 0 || !amRoot ? ['-Ur'] : []),
    '-nmp',
    '--fork',
    '--mount-proc',
    'true',
  ];
  return spawnSync(file, args).status === 0;
};
const userMode = amRoot ? nobody : asRoot;
const skipRoot = amRoot && works(asRoot) ? false : 'not root, or no namespaces here';
const skipUser = works(userMode) ? false : 'no user namespaces here';

/** A pod program: answers every request with its name and its caller, and says no on /ready until it is touched. */
const server = `
  const http = require('node:http'), os = require('node:os');
  let ready = process.env.READY !== 'no';
  http.createServer((q, s) => {
    if (q.url === '/become-ready') ready = true;
    if (q.url === '/ready') s.statusCode = ready ? 200 : 503;
    s.setHeader('connection', 'close');
    s.end([os.hostname(), process.env.WORD ?? '', q.socket.remoteAddress].join(' '));
  }).listen(Number(process.env.PORT));
`;

const metadata = (name: string, labels = {}) => ({
  name,
  namespace: 'default',
  labels: { 'sidecar.istio.io/inject': 'false', ...labels },
});

const container = (env: Record<string, string>, more = {}) => ({
  name: 'app',
  image: 'example/app:1',
  command: [process.execPath, '-e', server],
  env: Object.entries({ PORT: '8080', ...env }).map(([name, value]) => ({ name, value })),
  ...more,
});

const sleeper = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: metadata('caller'),
  spec: { containers: [{ name: 'sleep', image: 'curlimages/curl', command: ['sleep', 'infinity'] }] },
};

const service = (name: string, port: number, more = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec: { selector: { app: name }, ports: [{ name: 'http', port, targetPort: 'web' }], ...more },
});

const deployment = (name: string, spec: object, podSpec: object) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'default' },
  spec: { ...spec, template: { metadata: { labels: metadata(name, { app: name }).labels }, spec: podSpec } },
});

const webPort = { ports: [{ name: 'web', containerPort: 8080 }] };

class Mesh implements AsyncDisposable {
  readonly outer: ChildProcess;
  readonly folder: string;
  readonly said: string[] = [];

  constructor(prefix: readonly string[]) {
    this.folder = mkdtempSync(join(tmpdir(), 'lateen-local-'));
    if (prefix.length > 0) chownSync(this.folder, 65_534, 65_534);
    else chmodSync(this.folder, 0o755);
    this.outer = this.#spawn(prefix);
  }

  #spawn(prefix: readonly string[]): ChildProcess {
    const [file, ...args] = [...prefix, process.execPath, '--disable-warning=ExperimentalWarning', program, 'outer', this.folder];
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout?.setEncoding('utf8').on('data', (lines: string) => this.said.push(...lines.split('\n')));
    return child;
  }

  ready = () =>
    until(
      () => {
        assert.equal(this.outer.exitCode, null, `the mesh ended as it started, and said ${this.said.join('\n')}`);
        return this.said.includes('ready');
      },
      () => `the mesh to start, but it said ${this.said.join('\n')}`,
    );

  async ask<T>(path: string, body?: unknown): Promise<T> {
    const sent = request({ socketPath: join(this.folder, 'run/control.sock'), path, method: 'POST' });
    sent.end(body === undefined ? '' : JSON.stringify(body));
    const [response] = (await once(sent, 'response')) as [NodeJS.ReadableStream & { statusCode?: number }];
    const answer = await text(response);
    assert.equal(response.statusCode, 200, answer);
    return JSON.parse(answer) as T;
  }

  pods = () => this.ask<PodView[]>('/pods');

  pod = async (name: string) => (await this.pods()).find((pod) => pod.name === name || pod.name.startsWith(`${name}-`));

  /** Runs a command in a pod, from the host, as `lateen exec` does. */
  async exec(pod: string, argv: readonly string[]): Promise<string> {
    const {
      argv: [file = '', ...args],
      env,
    } = await this.ask<HostCommand>(`/exec?pod=${pod}`, argv);
    const prefixed = this.outer.spawnargs[0] === 'setpriv' ? [...nobody, file, ...args] : [file, ...args];
    const ran = spawnSync(prefixed[0] ?? '', prefixed.slice(1), { env, encoding: 'utf8' });
    return ran.stdout + ran.stderr;
  }

  curl = (pod: string, url: string) => this.exec(pod, ['curl', '-sS', '-m', '5', url]);

  allReady = (count: number) =>
    until(
      async () => {
        const pods = await this.pods();
        return pods.length === count && pods.every(({ ready }) => ready);
      },
      async () =>
        `${count} ready pods, but there are ${JSON.stringify(await this.pods())} ${JSON.stringify(await this.ask('/told'))}`,
    );

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.outer.exitCode === null && this.outer.signalCode === null) {
      const gone = once(this.outer, 'exit');
      this.outer.kill('SIGTERM');
      await gone;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function until(condition: () => boolean | Promise<boolean>, what: () => string | Promise<string>): Promise<void> {
  for (let turn = 0; turn < 600; turn++) {
    if (await condition()) return;
    await delay(50);
  }
  assert.fail(`waited in vain for ${await what()}`);
}

const addressOf = async (mesh: Mesh, name: string) => {
  const services = await mesh.ask<{ metadata: { name: string }; spec: { clusterIP: string } }[]>('/list?kind=Service');
  return services.find((each) => each.metadata.name === name)?.spec.clusterIP ?? '';
};

for (const [mode, prefix, skip] of [
  ['as root', asRoot, skipRoot],
  ['as an ordinary user', userMode, skipUser],
] as const) {
  test(`pods, services and published ports ${mode}`, { skip }, async (context: TestContext) => {
    await using mesh = new Mesh(prefix);
    await mesh.ready();
    // A port that the host has in use already: the service must move.
    const taken = createServer().listen(0, '127.0.0.1');
    context.after(() => taken.close());
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    await mesh.ask('/apply', [
      service('web', port, { type: 'LoadBalancer' }),
      deployment(
        'web',
        { replicas: 2 },
        { containers: [container({}, { ...webPort, readinessProbe: { tcpSocket: { port: 'web' } } })] },
      ),
      service('nobody', 80),
      sleeper,
    ]);
    await mesh.allReady(3);
    const address = await addressOf(mesh, 'web');
    assert.match(address, /^10\.96\.\d+\.\d+$/);

    // Both endpoints answer to the one address, and see the caller's own.
    const caller = (await mesh.pod('caller'))?.address ?? '';
    const answered = new Set<string>();
    await until(
      async () => {
        const [name = '', from] = (await mesh.curl('caller', `http://${address}:${port}/`)).split(/ +/);
        assert.equal(from, `::ffff:${caller}`);
        answered.add(name);
        return answered.size === 2;
      },
      () => `two endpoints, but there was ${[...answered].join(' ')}`,
    );
    // A pod that is its own endpoint reaches itself.
    const self = (await mesh.pods()).find(({ name }) => name.startsWith('web-'))?.name ?? '';
    for (let call = 0; call < 6; call++) assert.match(await mesh.curl(self, `http://${address}:${port}/`), /^web-/);

    // Nobody behind it, and no way out: refused at once.
    assert.match(await mesh.curl('caller', `http://${await addressOf(mesh, 'nobody')}/`), /Couldn't connect|refused/);
    assert.match(await mesh.curl('caller', 'http://192.0.2.1/'), /Couldn't connect|refused/);

    // Published on the host, on another port than the taken one.
    await until(
      async () => (await mesh.ask<unknown[]>('/published')).length === 1,
      () => 'a published port',
    );
    const [published] = await mesh.ask<{ port: number }[]>('/published');
    assert.notEqual(published?.port, port);
    assert.ok(mesh.said.some((line) => line.includes(`port ${port}`) && line.includes('taken')));
    const reply = await fetch(`http://127.0.0.1:${published?.port}/`);
    assert.match(await reply.text(), /^web-.* ::ffff:10\.244\.0\.2$/);

    // Inside a pod: its own name, hosts and name server, and none of the host's variables.
    assert.match(await mesh.exec('caller', ['hostname']), /^caller\n$/);
    assert.match(
      await mesh.exec('caller', ['cat', '/etc/resolv.conf']),
      /^nameserver 10\.96\.0\.11\nsearch default\.svc\.cluster\.local /,
    );
    const env = (await mesh.exec('caller', ['env']))
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0]);
    assert.deepEqual(new Set(env), new Set(['PATH', 'HOME', 'HOSTNAME']));
    // What would let it out of the mesh is not in its reach.
    assert.match(await mesh.exec('caller', ['ip', 'link', 'set', 'eth0', 'down']), /not permitted/);
    assert.match(await mesh.ask<string>('/logs?pod=web'), /^$/);
  });

  test(`the ingress gateway, meshed pods and other users ${mode}`, { skip }, async () => {
    await using mesh = new Mesh(prefix);
    await mesh.ready();
    const meshed = (name: string, annotations: object, spec: object) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default', labels: { app: name }, annotations },
      spec: { securityContext: { runAsUser: 1000 }, ...spec },
    });
    await mesh.ask('/apply', [
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'Gateway',
        metadata: { name: 'g', namespace: 'default' },
        spec: {
          selector: { istio: 'ingressgateway' },
          servers: [{ port: { number: 9191, name: 'x', protocol: 'TCP' }, hosts: ['*'] }],
        },
      },
      meshed('waits', { 'test/proxy': 'never' }, { containers: [{ name: 'a', image: 'x', command: ['sleep', '99'] }] }),
      meshed(
        'hello',
        {},
        {
          containers: [
            { name: 'a', image: 'istio/examples-helloworld-v2', readinessProbe: { httpGet: { path: '/health', port: 5000 } } },
          ],
        },
      ),
    ]);
    await until(
      async () => (await mesh.pod('hello'))?.ready === true && (await mesh.pod('istio-ingressgateway'))?.ready === true,
      async () => `ready pods, but there are ${JSON.stringify(await mesh.pods())} ${JSON.stringify(await mesh.ask('/told'))}`,
    );
    const views = await mesh.pods();
    const gateway = views.find(({ role }) => role === 'router');
    assert.equal(gateway?.namespace, 'istio-system');
    assert.deepEqual([gateway.readyContainers, gateway.allContainers, gateway.proxy], [1, 1, 'ready']);
    // No program of the app runs before its proxy serves.
    const waits = views.find(({ name }) => name === 'waits');
    assert.deepEqual([waits?.phase, waits?.containers[0]?.state], ['Pending', 'waiting']);

    const objects = await mesh.ask<{ metadata: { name: string; labels: Record<string, string> } }[]>('/list?kind=Pod');
    const { labels } = objects.find(({ metadata }) => metadata.name === 'hello')?.metadata ?? {};
    assert.equal(labels?.['security.istio.io/tlsMode'], 'istio');
    assert.equal(labels['service.istio.io/canonical-name'], 'hello');

    type Published = { name: string; port: number }[];
    await until(
      async () => (await mesh.ask<Published>('/published')).length === 3,
      () => 'three published ports',
    );
    const published = await mesh.ask<Published>('/published');
    assert.deepEqual(
      published.map(({ name }) => name.split(':')[1]),
      ['80', '443', '9191'],
    );
    const user = prefix.length === 0 ? '1337' : '0';
    const answer = await fetch(`http://127.0.0.1:${published[0]?.port}/`);
    assert.equal(await answer.text(), `proxy ${user}`);
    // Nobody listens behind the other one: a reset, not an empty answer.
    await assert.rejects(
      fetch(`http://127.0.0.1:${published[2]?.port}/`),
      ({ cause }: Error) => (cause as NodeJS.ErrnoException).code === 'ECONNRESET',
    );

    assert.equal((await mesh.exec('hello', ['id', '-u'])).trim(), prefix.length === 0 ? '1000' : '0');
    assert.match(await mesh.curl('hello', 'http://127.0.0.1:5000/hello'), /^Hello version: v2/);
    assert.match(await mesh.exec('hello', ['nft', 'delete', 'table', 'inet', 'capture']), /not permitted/);
    const { told, errors } = await mesh.ask<{ told: string[]; errors: string[] }>('/told');
    assert.equal(told.filter((line) => line.includes('runAsUser')).length, prefix.length === 0 ? 0 : 2, told.join('\n'));
    assert.deepEqual(errors, []);

    // A gateway that was provided stays when the last Gateway goes: the next one would find it ending.
    await mesh.ask('/delete', [
      { apiVersion: 'networking.istio.io/v1', kind: 'Gateway', metadata: { name: 'g', namespace: 'default' } },
    ]);
    await mesh.ask('/apply', [sleeper]);
    await until(
      async () => (await mesh.pods()).some(({ name }) => name === sleeper.metadata.name),
      () => 'the platform to have looked at its objects again',
    );
    const router = (await mesh.pods()).find(({ role }) => role === 'router');
    assert.deepEqual([router?.name, router?.status], [gateway.name, 'Running']);
    assert.notEqual((await mesh.ask<Published>('/published')).length, 0);
  });

  test(`kill -9 leaves nothing ${mode}`, { skip }, async () => {
    await using mesh = new Mesh(prefix);
    await mesh.ready();
    const marker = join(mesh.folder, 'marker');
    const stubborn = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)";
    await mesh.ask('/apply', [
      { ...sleeper, spec: { containers: [{ name: 'a', image: 'x', command: [process.execPath, '-e', stubborn, marker] }] } },
    ]);
    await mesh.allReady(1);
    const running = processesWith(marker);
    assert.equal(running.length, 1);
    const [inside] = running;
    const namespace = readlinkSync(`/proc/${inside}/ns/net`);
    const gone = once(mesh.outer, 'exit');
    mesh.outer.kill('SIGKILL');
    await gone;
    await until(
      () => processesWith(mesh.folder).length === 0 && processesIn(namespace).length === 0,
      () => `the end of ${[...processesWith(mesh.folder), ...processesIn(namespace)].join(' ')}`,
    );
    assert.ok(!readFileSync('/proc/self/mounts', 'utf8').includes(mesh.folder));

    // The next start says what it found and goes on.
    assert.ok(existsSync(join(mesh.folder, 'lateen.pid')));
    const [file, ...args] = [...prefix, process.execPath, '--disable-warning=ExperimentalWarning', program, 'outer', mesh.folder];
    const again = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let lines = '';
    again.stdout.setEncoding('utf8').on('data', (chunk: string) => (lines += chunk));
    await until(
      () => lines.includes('ready\n'),
      () => `a second start, but it said ${lines}`,
    );
    assert.match(lines, /was killed before; what it left is removed/);
    // A third one, while that runs, is refused.
    const third = spawnSync(file, args, { encoding: 'utf8' });
    assert.notEqual(third.status, 0);
    assert.match(third.stderr, /runs on .* already, as process \d+/);
    const ended = once(again, 'exit');
    again.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    assert.ok(!existsSync(join(mesh.folder, 'lateen.pid')));
  });
}

test('readiness decides who serves', { skip: skipUser }, async () => {
  await using mesh = new Mesh(userMode);
  await mesh.ready();
  await mesh.ask('/apply', [
    service('gated', 80),
    deployment(
      'gated',
      { replicas: 1 },
      {
        containers: [
          container(
            { READY: 'no' },
            { ...webPort, readinessProbe: { httpGet: { path: '/ready', port: 'web' }, periodSeconds: 1 } },
          ),
        ],
      },
    ),
    sleeper,
  ]);
  await until(
    async () => (await mesh.pod('gated'))?.phase === 'Running',
    () => 'the pod to run',
  );
  const address = await addressOf(mesh, 'gated');
  assert.match(await mesh.curl('caller', `http://${address}/`), /Couldn't connect|refused/);
  assert.equal((await mesh.pod('gated'))?.ready, false);
  const pod = (await mesh.pod('gated'))?.address;
  await until(
    async () => (await mesh.curl('caller', `http://${pod}:8080/become-ready`)).startsWith('gated-'),
    () => 'the pod itself to answer',
  );
  await mesh.allReady(2);
  await until(
    async () => (await mesh.curl('caller', `http://${address}/`)).startsWith('gated-'),
    () => 'the service to answer',
  );
});

test('a container that keeps dying is started again and says so', { skip: skipUser }, async () => {
  await using mesh = new Mesh(userMode);
  await mesh.ready();
  const pod = (name: string, spec: object) => ({ apiVersion: 'v1', kind: 'Pod', metadata: metadata(name), spec });
  await mesh.ask('/apply', [
    pod('dying', { containers: [{ name: 'a', image: 'x', command: ['sh', '-c', 'echo out; exit 3'] }] }),
    pod('unknown', { containers: [{ name: 'a', image: 'registry.example/what:1' }] }),
    pod('absent', { containers: [{ name: 'a', image: 'x', command: ['no-such-program-here'] }] }),
    pod('once', { restartPolicy: 'Never', containers: [{ name: 'a', image: 'x', command: ['true'] }] }),
    pod('lacking', {
      containers: [{ name: 'a', image: 'x', command: ['sleep', '9'], envFrom: [{ configMapRef: { name: 'later' } }] }],
    }),
  ]);
  await until(
    async () => ((await mesh.pod('dying'))?.restarts ?? 0) >= 2,
    () => 'two restarts',
  );
  const status = async (name: string) => (await mesh.pod(name))?.status;
  await until(
    async () => (await status('dying')) === 'CrashLoopBackOff',
    () => 'the crash loop to show',
  );
  assert.equal(await status('unknown'), 'ErrImagePull');
  assert.equal(await status('absent'), 'RunContainerError');
  assert.equal(await status('once'), 'Succeeded');
  assert.equal(await status('lacking'), 'CreateContainerConfigError');
  assert.match(await mesh.ask<string>('/logs?pod=dying&previous=true'), /^out\n$/);
  await mesh.ask('/apply', [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'later', namespace: 'default' }, data: { A: 'b' } },
  ]);
  await until(
    async () => (await status('lacking')) === 'Running',
    () => 'the pod whose ConfigMap came',
  );
  const { told, errors } = await mesh.ask<{ told: string[]; errors: string[] }>('/told');
  for (const message of [
    /LAT2004 Pod\/default\/dying .*exit code 3/,
    /LAT2003 Pod\/default\/unknown .*image/,
    /LAT2007 Pod\/default\/absent .*no-such-program/,
  ])
    assert.equal(told.filter((line) => message.test(line)).length, 1, `${String(message)} in ${told.join('\n')}`);
  assert.deepEqual(errors, []);
});

test('a new template rolls out with a ready pod at every moment', { skip: skipUser }, async () => {
  await using mesh = new Mesh(userMode);
  await mesh.ready();
  const web = (word: string) =>
    deployment(
      'web',
      { replicas: 2, strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } },
      {
        terminationGracePeriodSeconds: 2,
        containers: [
          container(
            { WORD: word },
            {
              ...webPort,
              readinessProbe: { httpGet: { path: '/ready', port: 'web' } },
              lifecycle: { preStop: { sleep: { seconds: 1 } } },
            },
          ),
        ],
      },
    );
  await mesh.ask('/apply', [service('web', 80), web('old'), sleeper]);
  await mesh.allReady(3);
  const url = `http://${await addressOf(mesh, 'web')}/`;
  assert.match(await mesh.curl('caller', url), / old /);
  await mesh.ask('/apply', [web('new')]);
  await until(
    async () => {
      // Every single answer is a good one, whoever gives it.
      assert.match(await mesh.curl('caller', url), / (old|new) /);
      const pods = (await mesh.pods()).filter(({ name }) => name.startsWith('web-'));
      assert.ok(pods.filter(({ ready }) => ready).length >= 2, JSON.stringify(pods));
      const [one] = await mesh.ask<{ status?: { updatedReplicas: number; replicas: number } }[]>(
        '/list?group=apps&kind=Deployment',
      );
      return one?.status?.updatedReplicas === 2 && pods.length === 2;
    },
    async () => `the rollout, but there are ${JSON.stringify(await mesh.pods())}`,
  );
  assert.match(await mesh.curl('caller', url), / new /);
});

test('volumes, init containers and stateful sets', { skip: skipUser }, async () => {
  await using mesh = new Mesh(userMode);
  await mesh.ready();
  const data = (name: string, value: string) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default' },
    data: { 'a.txt': value },
  });
  await mesh.ask('/apply', [
    data('settings', 'first'),
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db', namespace: 'default' },
      spec: {
        replicas: 2,
        serviceName: 'db',
        template: {
          metadata: { labels: metadata('db', { app: 'db' }).labels },
          spec: {
            initContainers: [
              {
                name: 'fill',
                image: 'x',
                command: ['sh', '-c', 'hostname > /opt/lateen/made/it'],
                volumeMounts: [{ name: 'scratch', mountPath: '/opt/lateen/made' }],
              },
            ],
            containers: [
              {
                name: 'app',
                image: 'x',
                command: ['sleep', 'infinity'],
                volumeMounts: [
                  { name: 'settings', mountPath: '/etc/lateen-settings' },
                  { name: 'scratch', mountPath: '/opt/lateen/made' },
                  { name: 'scratch', mountPath: '/not-at-the-root' },
                ],
              },
            ],
            volumes: [
              { name: 'settings', configMap: { name: 'settings' } },
              { name: 'scratch', emptyDir: {} },
            ],
          },
        },
      },
    },
  ]);
  await mesh.allReady(2);
  assert.deepEqual(
    (await mesh.pods()).map(({ name }) => name),
    ['db-0', 'db-1'],
  );
  assert.equal(await mesh.exec('db-1', ['cat', '/opt/lateen/made/it', '/etc/lateen-settings/a.txt']), 'db-1\nfirst');
  assert.ok(!existsSync('/etc/lateen-settings') && !existsSync('/opt/lateen'));
  await mesh.ask('/apply', [data('settings', 'second')]);
  await until(
    async () => (await mesh.exec('db-0', ['cat', '/etc/lateen-settings/a.txt'])) === 'second',
    () => 'the changed file',
  );
  const { told } = await mesh.ask<{ told: string[] }>('/told');
  assert.ok(
    told.some((line) => /LAT2008 .*volumeMounts\[2\]\.mountPath: \/not-at-the-root cannot be mounted/.test(line)),
    told.join('\n'),
  );
});

function processesWith(word: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid && commandOf(pid).includes(word));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function processesIn(namespace: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/ns/net`) === namespace;
    } catch {
      return false;
    }
  });
}

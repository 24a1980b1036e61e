// One sidecar's Envoy in a network namespace of its own, whose control plane is the test's: it can be taken away and brought back.
// Whoever calls an address of services there is captured; addresses of pods are the namespace's own, and origins listen on them.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { decode } from '../../src/api/decode.ts';
import { originOf, refOf } from '../../src/api/object.ts';
import { createCompiler } from '../../src/compile/compile.ts';
import type { Delivery } from '../../src/compile/configuration.ts';
import { serveGrpc, type GrpcServer } from '../../src/lib/grpc/server.ts';
import { bootstrapJson } from '../../src/node/bootstrap.ts';
import { adminRequest } from '../../src/node/admin.ts';
import { findEnvoy } from '../../src/node/envoy-binary.ts';
import { Store } from '../../src/store/store.ts';
import { adsHandlers, type Ads, type AdsOptions } from '../../src/xds/ads.ts';
import { originProgram } from './origin-program.ts';
import { until } from './until.ts';

/** There is no agent that would give certificates. */
const plaintext = {
  apiVersion: 'security.istio.io/v1',
  kind: 'PeerAuthentication',
  metadata: { name: 'default', namespace: 'istio-system' },
  spec: { mtls: { mode: 'DISABLE' } },
};

const root = process.getuid?.() === 0;
const mark = 1337;
/** Held by the namespace alone: connections to addresses of services that are let go on end there. */
const inside = (envoy: string, folder: string, { services, pods, workers }: Ranges & { readonly workers: number }): string => `
ip link set lo up && ip route add local ${pods} dev lo && ip addr add 10.200.0.1/32 dev lo && ip route add default dev lo src 10.200.0.1
nft add table ip t && nft 'add chain ip t nat { type nat hook output priority -100; }' && nft 'add chain ip t filter { type filter hook output priority 0; }'
nft add rule ip t nat ip daddr ${services} meta mark != ${mark} tcp dport 1-65535 redirect to :15001
nft add rule ip t filter ip daddr ${services} meta mark ${mark} reject with tcp reset
NAME=origin ${process.execPath} -e "$ORIGIN" & origin=$!
${envoy} -c ${folder}/bootstrap.json --concurrency ${workers} --disable-hot-restart -l critical & proxy=$!
trap 'kill $origin $proxy' EXIT
cat
`;

interface Ranges {
  /** Where the addresses of services are, which are captured: a CIDR. */
  readonly services: string;
  /** Where those of pods are. */
  readonly pods: string;
}

export interface CapturedOptions extends Partial<Ranges> {
  readonly delivery?: Delivery;
  /** Threads of Envoy that take connections. */
  readonly workers?: number;
}

export interface CapturedEnvoy {
  /** Objects, by what they are: `put` makes or changes, `drop` takes away. */
  put(...documents: readonly object[]): void;
  drop(...documents: readonly object[]): void;
  /** A program inside, for `Load`; `from` is the one caller. */
  execute(from: string, argv: readonly string[]): ChildProcess;
  /** A program inside to its end; what it printed. */
  run(argv: readonly string[]): Promise<string>;
  /** curl inside: the status and the body. */
  curl(...args: readonly string[]): Promise<{ readonly status: number; readonly body: string }>;
  /** What Envoy's admin interface says at a path. */
  admin(path: string): Promise<string>;
  /** The control plane as it is now. */
  readonly ads: Ads;
  /** Ends the control plane: all streams break, and none can be opened. */
  leave(): Promise<void>;
  /** Starts it again, with the same objects and nothing that it knew of the proxy. */
  comeBack(options?: Pick<AdsOptions, 'authorize'>): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts it, on demand unless told otherwise, with these objects, and waits until it serves. */
export async function startCapturedEnvoy(
  documents: readonly object[],
  { delivery = 'demand', services = '10.96.0.0/16', pods = '10.64.0.0/16', workers = 1 }: CapturedOptions = {},
): Promise<CapturedEnvoy> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync('/tmp/lt-');
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const store = new Store();
  const each = (list: readonly object[], work: (object: NonNullable<ReturnType<typeof decode>['object']>) => void) =>
    store.transaction(() => {
      for (const document of list) {
        const { object } = decode(document as Parameters<typeof decode>[0], originOf('test'));
        if (object === undefined) throw new Error(`no object: ${JSON.stringify(document)}`);
        work(object);
      }
    });
  const put = (...list: readonly object[]) => each(list, (object) => store.upsert(object));
  put(...documents, plaintext);

  const agentSocket = `${folder}/agent.sock`;
  const adminSocket = `${folder}/admin.sock`;
  let serving: { readonly ads: Ads; readonly server: GrpcServer } | undefined;
  const comeBack = async ({ authorize }: Pick<AdsOptions, 'authorize'> = { authorize: () => ({}) }) => {
    const ads = adsHandlers({ compiler: createCompiler(store), authorize });
    rmSync(agentSocket, { force: true });
    serving = { ads, server: await serveGrpc({ handlers: ads.handlers, listen: { path: agentSocket } }) };
  };
  const leave = async () => {
    await serving?.server.close();
    serving?.ads[Symbol.dispose]();
    serving = undefined;
  };
  await comeBack();
  stack.defer(leave);

  const proxy = {
    kind: 'sidecar',
    name: 'caller',
    namespace: 'default',
    serviceAccount: 'caller',
    labels: {},
    annotations: {},
    addresses: ['10.200.0.1'],
    workloadName: 'caller',
    domain: 'cluster.local',
    clusterId: 'Kubernetes',
    meshId: 'cluster.local',
    istioVersion: '1.32.0',
    interceptionMode: 'REDIRECT',
    delivery,
  } as const;
  const bootstrap = bootstrapJson({ proxy, agentSocket, adminSocket, mark, statsPrefixes: ['cluster.', 'tcp.'] });
  writeFileSync(`${folder}/bootstrap.json`, bootstrap);
  const child = spawn(
    'unshare',
    [root ? '-n' : '-Urn', 'sh', '-c', inside(await findEnvoy(), folder, { services, pods, workers })],
    {
      stdio: ['pipe', 'ignore', 'inherit'],
      env: { ...process.env, ORIGIN: originProgram },
    },
  );
  stack.defer(async () => {
    child.stdin.end();
    if (child.exitCode === null) await once(child, 'exit');
  });
  const admin = async (path: string) => (await adminRequest(adminSocket, 'GET', path)).body;
  const enter = ['-t', String(child.pid), '-n', ...(root ? [] : ['-U', '--preserve-credentials']), '--'];
  const execute = (_from: string, argv: readonly string[]) =>
    spawn('nsenter', [...enter, ...argv], { stdio: ['pipe', 'pipe', 'inherit'] });
  const run = async (argv: readonly string[]) => {
    const ran = spawn('nsenter', [...enter, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    ran.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    await once(ran, 'close');
    return said;
  };
  await until(
    async () => (await admin('/ready').catch(() => '')).startsWith('LIVE'),
    () => 'Envoy to be ready',
  );
  const undo = stack.move();
  return {
    put,
    drop: (...list) => each(list, (object) => store.remove(refOf(object))),
    execute,
    run,
    async curl(...args) {
      const said = await run(['curl', '-s', '-m', '20', '-w', '\n%{http_code}', ...args]);
      const [, body = '', status = '0'] = /^([^]*)\n(\d{3})$/.exec(said) ?? [];
      return { status: Number(status), body };
    },
    admin,
    get ads() {
      if (serving === undefined) throw new Error('the control plane is away');
      return serving.ads;
    },
    leave,
    comeBack,
    [Symbol.asyncDispose]: () => undo.disposeAsync(),
  };
}

// What an Envoy on demand takes with 10, 1,000 and 5,000 services of which ten are called, and how much later a first answer comes
// than a second. One Envoy in a network namespace of its own, with the control plane's compiler and server over a Unix socket.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { decode } from '../src/api/decode.ts';
import { originOf } from '../src/api/object.ts';
import { createCompiler } from '../src/compile/compile.ts';
import type { Delivery } from '../src/compile/configuration.ts';
import { serveGrpc } from '../src/lib/grpc/server.ts';
import { bootstrapJson } from '../src/node/bootstrap.ts';
import { findEnvoy } from '../src/node/envoy-binary.ts';
import { Store } from '../src/store/store.ts';
import { adsHandlers } from '../src/xds/ads.ts';
import { header, row, skip } from './support/report.ts';
import { serviceAddress, serviceHost, world, type WorldSize } from './support/world.ts';

const called = 10;
const target = 1.15;

interface Measured {
  readonly rss: number;
  /** Milliseconds of the first and the second request to each service. */
  readonly first: readonly number[];
  readonly second: readonly number[];
}

/** Says when it may begin, then `PID`, `FIRST SECOND` for each service, and `PID` again when all is done. */
const inside = (envoy: string, folder: string, size: WorldSize): string => `
ip link set lo up && ip route add local 10.64.0.0/10 dev lo && ip addr add 10.200.0.1/32 dev lo && ip route add default dev lo src 10.200.0.1
nft add table ip b && nft 'add chain ip b o { type nat hook output priority -100; }'
nft add rule ip b o ip daddr 10.32.0.0/16 tcp dport 8080 redirect to :15001
${process.execPath} -e "require('node:http').createServer((q, s) => s.end('yes')).listen(8080, '0.0.0.0')" & origin=$!
${envoy} -c ${folder}/bootstrap.json --concurrency 1 --disable-hot-restart -l critical & proxy=$!
trap 'kill $origin $proxy' EXIT
until curl -sf -o /dev/null http://127.0.0.1:15021/healthz/ready; do sleep 0.1; done
${Array.from({ length: called }, (_, index) => {
  const ask = `curl -s -m 10 -o /dev/null -w '%{http_code} %{time_total}' -H 'Host: ${serviceHost(index, size)}' http://${serviceAddress(index)}:8080/`;
  return `echo "answers $(${ask}) $(${ask})"`;
}).join('\n')}
sleep 2
echo "process $proxy"
read done
`;

async function measure(services: number, delivery: Delivery): Promise<Measured> {
  const size: WorldSize = { services, namespaces: Math.min(services, 50), endpoints: 2, ruled: 0 };
  const store = new Store();
  const plaintext = {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: 'default', namespace: 'istio-system' },
    spec: { mtls: { mode: 'DISABLE' } },
  };
  store.transaction(() => {
    for (const document of [...world(size), plaintext]) {
      const { object } = decode(document, originOf('bench'));
      if (object !== undefined) store.upsert(object);
    }
  });
  const folder = mkdtempSync('/tmp/lt-');
  const agentSocket = `${folder}/agent.sock`;
  const ads = adsHandlers({ compiler: createCompiler(store), authorize: () => ({}) });
  await using _server = await serveGrpc({ handlers: ads.handlers, listen: { path: agentSocket } });
  const proxy = {
    kind: 'sidecar',
    name: 'caller',
    namespace: 'ns-0',
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
  writeFileSync(`${folder}/bootstrap.json`, bootstrapJson({ proxy, agentSocket, adminSocket: `${folder}/admin.sock` }));
  const child = spawn('unshare', ['-n', 'sh', '-c', inside(await findEnvoy(), folder, size)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const first: number[] = [];
  const second: number[] = [];
  let rss = Number.NaN;
  for await (const line of createInterface({ input: child.stdout })) {
    const [word, ...values] = line.split(' ');
    if (word === 'answers') {
      const [status, one, again, two] = values.map(Number);
      if (status !== 200 || again !== 200) throw new Error(`a service answered ${line}`);
      first.push((one ?? Number.NaN) * 1000);
      second.push((two ?? Number.NaN) * 1000);
    } else if (word === 'process') {
      rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${values[0]}/status`, 'latin1'))?.[1]) / 1000;
      child.stdin.end('\n');
    }
  }
  if (child.exitCode === null) await once(child, 'exit');
  rmSync(folder, { recursive: true, force: true });
  return { rss, first, second };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const mb = (value: number): string => `${value.toFixed(1)} MB`;

async function main(): Promise<void> {
  const few = await measure(10, 'demand');
  row('10 services, on demand', mb(few.rss));
  for (const services of [1000, 5000]) {
    const { rss, first, second } = await measure(services, 'demand');
    const ratio = rss / few.rss;
    row(`${services} services, on demand`, `${mb(rss)}, ${ratio.toFixed(2)} ×`, `≤ ${target} ×`, ratio <= target);
    row(
      '  first answer later than the second by',
      `${(median(first) - median(second)).toFixed(1)} ms (${median(second).toFixed(1)} ms)`,
    );
  }
  row('1000 services, all delivered', mb((await measure(1000, 'eager')).rss));
}

header(`an Envoy’s memory, ${called} services called`);
if (spawnSync('unshare', ['-n', 'true']).status !== 0) skip('network namespaces cannot be made here');
else await main();

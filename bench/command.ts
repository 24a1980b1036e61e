// One command: how long `lateen compile` takes, from the start of its process to the end of its output.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { header, row } from './support/report.ts';

const services = 1000;
const rounds = 9;
const targetMs = 2000;
const lateen = new URL('../bin/lateen', import.meta.url).pathname;

/** A service with a rule that splits its requests and a policy that tells its versions apart, as people write them. */
const manifest = (index: number): string => `---
apiVersion: v1
kind: Service
metadata:
  name: svc-${index}
  namespace: default
spec:
  clusterIP: 10.${96 + (index >> 8)}.${index & 255}.1
  selector:
    app: svc-${index}
  ports:
  - name: http
    port: 8080
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: svc-${index}
  namespace: default
spec:
  hosts:
  - svc-${index}
  http:
  - route:
    - destination:
        host: svc-${index}
        subset: v1
      weight: 90
    - destination:
        host: svc-${index}
        subset: v2
      weight: 10
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: svc-${index}
  namespace: default
spec:
  host: svc-${index}
  subsets:
  - name: v1
    labels:
      version: v1
  - name: v2
    labels:
      version: v2
`;

/** Milliseconds of each round, sorted; the first run, which may fill the code cache, does not count. */
function measure(args: readonly string[]): number[] {
  const run = (): number => {
    const began = performance.now();
    execFileSync(lateen, ['compile', ...args], { stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 30 });
    return performance.now() - began;
  };
  run();
  return Array.from({ length: rounds }, run).sort((a, b) => a - b);
}

const text = (times: readonly number[]): string => {
  const [shortest = Number.NaN, longest = Number.NaN] = [times[0], times.at(-1)];
  return `${(times[rounds >> 1] ?? Number.NaN).toFixed(0)} ms (${shortest.toFixed(0)}…${longest.toFixed(0)})`;
};

header(`one command: the median of ${rounds} runs, process start included`);
const folder = mkdtempSync(join(tmpdir(), 'lateen-bench-'));
try {
  const bookinfo = new URL('../samples/bookinfo/bookinfo.yaml', import.meta.url).pathname;
  row('lateen compile of Bookinfo', text(measure(['-f', bookinfo, '--workload', 'productpage-v1'])));
  writeFileSync(join(folder, 'mesh.yaml'), Array.from({ length: services }, (_, index) => manifest(index)).join(''));
  const node = { id: 'sidecar~10.1.0.9~client-0.default~default.svc.cluster.local', metadata: { NAMESPACE: 'default' } };
  writeFileSync(join(folder, 'node.json'), JSON.stringify(node));
  const times = measure(['-f', join(folder, 'mesh.yaml'), '--node', join(folder, 'node.json')]);
  const median = times[rounds >> 1] ?? Number.NaN;
  row(`lateen compile of ${services} services with rules`, text(times), `≤ ${targetMs} ms`, median <= targetMs);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

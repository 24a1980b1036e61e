// What an Envoy on demand takes with 10, 1,000 and 5,000 services of which ten are called, and how much later a first answer comes
// than a second. One Envoy in a network namespace of its own, with the control plane's compiler and server over a Unix socket.

import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import type { Delivery } from '../src/compile/configuration.ts';
import { startCapturedEnvoy } from '../test/support/captured-envoy.ts';
import { processIn } from './support/processes.ts';
import { header, row, skip } from './support/report.ts';
import { serviceAddress, serviceHost, world, type WorldSize } from './support/world.ts';

const called = 10;
const target = 1.15;
/** Milliseconds until Envoy has put away what it needed for what was last asked. */
const rest = 2000;

interface Measured {
  readonly rss: number;
  /** Milliseconds of the first and the second request to each service. */
  readonly first: readonly number[];
  readonly second: readonly number[];
}

async function measure(services: number, delivery: Delivery): Promise<Measured> {
  const size: WorldSize = { services, namespaces: Math.min(services, 50), endpoints: 2, ruled: 0 };
  await using envoy = await startCapturedEnvoy([...world(size)], { delivery, services: '10.32.0.0/16', pods: '10.64.0.0/10' });
  const ask = async (index: number): Promise<number> => {
    const url = `http://${serviceAddress(index)}:8080/`;
    const format = '\n%{http_code} %{time_total}';
    const said = await envoy.run(['curl', '-s', '-m', '10', '-w', format, '-H', `Host: ${serviceHost(index, size)}`, url]);
    const [, status, seconds] = /\n(\d{3}) ([\d.]+)$/.exec(said) ?? [];
    if (status !== '200') throw new Error(`service ${index} answered ${status}`);
    return Number(seconds) * 1000;
  };
  const first: number[] = [];
  const second: number[] = [];
  for (let index = 0; index < called; index++) {
    first.push(await ask(index));
    second.push(await ask(index));
  }
  await sleep(rest);
  const network = (await envoy.run(['readlink', '/proc/self/ns/net'])).trim();
  const status = readFileSync(`/proc/${processIn(network, 'envoy')}/status`, 'latin1');
  return { rss: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1000, first, second };
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

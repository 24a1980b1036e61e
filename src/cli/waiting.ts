// Waits until objects have reached every proxy that needs them: what `wait` and `apply --wait` share.

import { setTimeout as sleep } from 'node:timers/promises';
import type { DistributionAnswer, DistributionRequest, ObjectDistribution } from '../control/api/contract.ts';
import type { Client } from './client.ts';
import { exitCode } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** Pauses between two looks, in milliseconds: short at first, then the last one again and again. */
const pauses = [20, 50, 100, 200];

const done = ({ proxies, acknowledged, waits }: ObjectDistribution): boolean => proxies === acknowledged && waits.length === 0;

/** Says of each object when it has arrived, and at the end of those that have not what is in the way. The exit code. */
export async function waitFor(
  client: Client,
  requests: readonly DistributionRequest[],
  timeoutMs: number,
  terminal: Terminal,
): Promise<number> {
  const until = performance.now() + timeoutMs;
  const said = new Set<string>();
  for (let round = 0; ; round++) {
    const answers: DistributionAnswer[] = [];
    for (const request of requests) answers.push(await client.post<DistributionAnswer>('/v1/distribution', request));
    const objects = answers.flatMap((answer) => answer.objects);
    const missing = answers.flatMap((answer) => answer.missing);
    for (const object of objects.filter(done)) {
      const text = arrivedText(object);
      if (!said.has(`${object.namespace}/${object.name}`)) terminal.line(text);
      said.add(`${object.namespace}/${object.name}`);
    }
    const behind = objects.filter((object) => !done(object));
    if (missing.length > 0 || behind.length === 0 || performance.now() >= until || terminal.signal.aborted) {
      for (const text of missing) terminal.note(`lateen: ${text}`);
      for (const object of behind) terminal.note(behindText(object));
      return missing.length + behind.length === 0 ? exitCode.ok : exitCode.failed;
    }
    const pause = pauses[Math.min(round, pauses.length - 1)] ?? 0;
    await sleep(Math.max(0, Math.min(pause, until - performance.now())), undefined, { signal: terminal.signal }).catch(() => {});
  }
}

const proxiesText = (count: number): string => `${count} prox${count === 1 ? 'y' : 'ies'}`;

function arrivedText({ name, proxies, uncalled }: ObjectDistribution): string {
  if (proxies > 0) return `${name} acknowledged by ${proxiesText(proxies)}`;
  return uncalled
    ? `${name}: nothing to wait for: no connected proxy has called what it is about; who does gets it then`
    : `${name}: no connected proxy needs it`;
}

/** One line for the object, one for each thing in its way. */
export function behindText({ name, proxies, acknowledged, behind, waits }: ObjectDistribution): string {
  const shown = behind.slice(0, mostShown);
  return [
    `${name} acknowledged by ${acknowledged} of ${proxiesText(proxies)}`,
    ...waits.map((text) => `  waits: ${text}`),
    ...shown.map(({ proxy, state, why }) => `  ${proxy}: ${state}${why === '' ? '' : `: ${why}`}`),
    ...(behind.length > shown.length ? [`  and ${behind.length - shown.length} more`] : []),
  ].join('\n');
}

const mostShown = 20;

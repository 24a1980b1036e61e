// The differential test itself: a scene compiled, given to the real proxy and asked; what the proxy did beside what explain said.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Explanation } from '../../../src/explain/explanation.ts';
import { compiledConfiguration, type ProxyConfiguration } from '../../../src/explain/configuration.ts';
import { explain } from '../../../src/explain/explain.ts';
import type { Request } from '../../../src/explain/request.ts';
import { compare, copiesOf, sureCopies } from './compare.ts';
import { RealProxy, type Logged } from './real-proxy.ts';
import { prepare } from './scene.ts';
import { addressOf, caller, identityOf, provenNames, targetPorts, type Scene } from './world.ts';

/** A request on which the proxy and explain differ, or a resource that the proxy refuses. */
export interface Disagreement {
  readonly request: Request | undefined;
  readonly observed: Logged | undefined;
  readonly explanation: Explanation | undefined;
  readonly differences: readonly string[];
  /** Of `repeats` times that it was asked once more alone, in the same configuration, so many differed too. */
  readonly repeated: number;
}

const repeats = 10;

export interface Played {
  readonly cases: number;
  readonly disagreements: readonly Disagreement[];
  /** What the requests came to, for counting what was exercised. */
  readonly came: readonly string[];
}

export const startProxy = (): Promise<RealProxy> =>
  RealProxy.start({
    upstreamPorts: Object.values(targetPorts),
    names: provenNames,
    identity: identityOf(caller),
    addressOf,
  });

export async function play(proxy: RealProxy, scene: Scene, requests: readonly Request[]): Promise<Played> {
  const { compiled } = prepare(scene);
  const refusals = await proxy.configure(compiled);
  if (refusals.length > 0) {
    const differences = refusals.map(({ type, resource, message }) => `Envoy refuses ${type} ${resource.name}: ${message}`);
    const refused = { request: undefined, observed: undefined, explanation: undefined, differences, repeated: repeats };
    return { cases: 0, disagreements: [refused], came: [] };
  }
  const configuration = compiledConfiguration(compiled);
  const observed = await proxy.ask(requests);
  const disagreements: Disagreement[] = [];
  const came: string[] = [];
  for (const [index, request] of requests.entries()) {
    const did = observed[index];
    if (did === undefined) continue;
    const explanation = explain(configuration, request);
    came.push(`${scene.side} ${outcomeText(explanation)}`);
    const found = await differenceOf(request, did, explanation, configuration);
    if (found === undefined) continue;
    let repeated = 0;
    for (let time = 0; time < repeats; time++) {
      const [again] = await proxy.ask([request]);
      if (again !== undefined && (await differenceOf(request, again, explanation, configuration))) repeated++;
    }
    disagreements.push({ request, observed: did, ...found, repeated });
  }
  return { cases: requests.length, disagreements, came };
}

/** Undefined where both say the same. */
async function differenceOf(
  request: Request,
  did: Logged,
  explanation: Explanation,
  configuration: ProxyConfiguration,
): Promise<Pick<Disagreement, 'differences' | 'explanation'> | undefined> {
  // Copies of a request take their own way, and time.
  const sure = Math.min(...[explanation, ...explanation.otherwise].map((way) => sureCopies(request, way, configuration)));
  for (let waits = 0; waits < 500 && did.arrivals.length > 0 && copiesOf(request, did) < sure; waits++) await sleep(20);
  const verdict = compare(request, did, explanation, configuration);
  switch (verdict.kind) {
    case 'agree':
      return undefined;
    case 'unknown':
      return { differences: [`explain does not know: ${verdict.because}`], explanation };
    case 'differ':
      return verdict;
  }
}

function outcomeText({ outcome, steps }: Explanation): string {
  const byRule = steps.some(
    ({ kind, origins }) => kind === 'route' && origins.some(({ object }) => object.startsWith('VirtualService')),
  );
  const how = byRule ? ' by a rule' : '';
  switch (outcome.kind) {
    case 'answered':
      return `${outcome.status} ${outcome.because.replace(/\[.*/, '')}${how}`;
    case 'closed':
      return `closed ${outcome.because.replace(/\[.*/, '')}`;
    case 'forwarded':
      return `${outcome.targets.every(({ failure }) => failure !== undefined) ? 'forwarded in vain' : 'forwarded'}${how}`;
    case 'unknown':
      return 'unknown';
  }
}

/** A disagreement for a person: what was asked, what the proxy did, what explain said. */
export function disagreementText(scene: Scene, disagreement: Disagreement): string {
  const { request, observed, explanation, differences, repeated } = disagreement;
  const lines = differences.map((line) => `  ${line}`);
  if (repeated < repeats) lines.push(`  asked ${repeats} times more, it differed ${repeated} times`);
  if (request !== undefined) lines.push('asked:', `  ${JSON.stringify(request)}`);
  if (observed !== undefined) {
    const { answer, log, arrivals } = observed;
    lines.push('Envoy:', `  answer ${JSON.stringify(answer)}`, ...log.map((line) => `  log ${line}`));
    for (const arrival of arrivals) lines.push(`  arrived ${JSON.stringify(arrival)}`);
  }
  if (explanation !== undefined) {
    lines.push(
      'explain:',
      ...explanation.steps.map(({ kind, name, text, details }) => `  ${[kind, name, text, ...details].join(' | ')}`),
    );
    lines.push(`  ${JSON.stringify(explanation.outcome)}`);
  }
  lines.push(`configuration (${scene.side}${scene.pod === '' ? '' : ` of ${scene.pod}`}, mesh ${JSON.stringify(scene.mesh)}):`);
  for (const document of scene.documents) if (document['kind'] !== 'Pod') lines.push(`  ${JSON.stringify(document)}`);
  return lines.join('\n');
}

// An answer as a person reads it: first how it ends, then the way there, proxy by proxy, with the object and line behind each step.

import type { Ending } from '../../explain/ending.ts';
import type { Explanation, Step, StepOrigin } from '../../explain/explanation.ts';
import { clusterMeaning, clusterText } from '../../explain/istio-names.ts';
import type { Journey } from '../../explain/journey.ts';
import { percentText } from '../../explain/passage.ts';
import type { Style } from '../terminal.ts';
import type { ResolvedName } from './address.ts';

export interface Told {
  readonly title: string;
  readonly name: ResolvedName | undefined;
  readonly journey: Journey | undefined;
  readonly endings: readonly Ending[];
  readonly assumptions: readonly string[];
}

export interface Telling {
  /** Every detail, not only what decides. */
  readonly verbose: boolean;
  readonly style: (style: Style, text: string) => string;
}

export function story({ title, name, journey, endings, assumptions }: Told, telling: Telling): string {
  const { style } = telling;
  const lines = [style('bold', title), ''];
  for (const ending of endings) lines.push(...endingLines(ending, endings.length === 1, style));
  if (
    name !== undefined &&
    (journey === undefined || name.details.length > 0 || !/^[\d.]+$|:/.test(name.text.split(' ')[0] ?? ''))
  ) {
    lines.push(...(endings.length === 0 ? [] : ['']), `DNS: ${name.text}`, ...name.details.map((each) => `  ${each}`));
    if (name.standsIn === true && journey !== undefined) lines.push(`  ${name.address} stands for its address here`);
  }
  if (journey !== undefined) lines.push(...journeyLines(journey, telling, { count: 1 }));
  const missing = journey === undefined ? [] : [...new Set(missingOf(journey))];
  if (assumptions.length + missing.length > 0)
    lines.push('', ...[...assumptions, ...missing].map((each) => style('dim', `Note: ${each}`)));
  return lines.join('\n');
}

const sentence = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

function endingLines(ending: Ending, only: boolean, style: Telling['style']): string[] {
  const part = only && ending.share > 0.9999 ? '' : `${percentText(ending.share)}: `;
  const text = endingText(ending);
  const colour =
    ending.kind === 'arrives' || (ending.status ?? 500) < 400 ? 'green' : ending.kind === 'unknown' ? 'yellow' : 'red';
  return [style(colour, sentence(`${part}${text}`)), ...ending.origins.slice(0, 3).map((origin) => originLine(origin, style, 2))];
}

/** One clause: `it arrives at …`, `answered 403 at reviews-v1.default: …`. */
function endingText({ kind, cluster, proxy, status, because, flags }: Ending): string {
  const code = flags === '' ? '' : ` [${flags}]`;
  switch (kind) {
    case 'arrives':
      return arrivalText(proxy, cluster, because);
    case 'answered':
      return `answered ${status} by the proxy of ${proxy}${code}: ${because}`;
    case 'closed':
      return `the connection is closed by the proxy of ${proxy}${code}: ${because}${status === undefined ? '' : `; its caller gets ${status}`}`;
    case 'unknown':
      return `not known after the proxy of ${proxy}: ${because}`;
  }
}

function arrivalText(proxy: string, cluster: string, end: string): string {
  const [, port] = /^inbound\|(\d+)\|/.exec(cluster) ?? [];
  if (port !== undefined) return `it arrives at ${proxy}, whose proxy hands it to the application, port ${port}`;
  const meaning = clusterMeaning(cluster);
  if (end !== '') return `it leaves ${proxy} for ${end}, ${meaning}`;
  return meaning === undefined ? `it leaves ${proxy} for ${clusterText(cluster)}` : `it leaves ${proxy}: ${meaning}`;
}

interface Counter {
  count: number;
}

function journeyLines(journey: Journey, telling: Telling, counter: Counter): string[] {
  const { explanation, onward, otherwise, proxy } = journey;
  const { style } = telling;
  const direction =
    explanation.request.entry === 'outbound'
      ? 'outbound'
      : explanation.request.entry === 'inbound'
        ? 'inbound'
        : 'listener' in explanation.request.entry
          ? `its listener ${explanation.request.entry.listener}`
          : `gateway, port ${explanation.request.entry.port}`;
  const share = explanation.probability < 1 ? `, ${percentText(explanation.probability)} of the time` : '';
  const lines = [
    '',
    style('bold', `${counter.count++}  ${proxy} (${direction})${share}`),
    ...stepsLines(explanation.steps, telling),
  ];
  for (const other of otherwise) {
    const from = firstDifference(explanation, other.explanation);
    lines.push(
      '',
      `   ${style('bold', `or, ${percentText(other.explanation.probability)} of the time`)}`,
      ...stepsLines(other.explanation.steps.slice(from), telling),
    );
  }
  // The other ways mostly lead to the same servers, in the same way.
  const told = new Set<string>();
  for (const { refusal } of onward) if (refusal !== undefined) lines.push(` ${style('red', '✗')} ${refusal}`);
  for (const { journey: next } of [
    ...onward.filter(({ refusal }) => refusal === undefined),
    ...otherwise.flatMap((other) => other.onward),
  ]) {
    const text = JSON.stringify([next.proxy, next.explanation.steps]);
    if (!told.has(text)) lines.push(...journeyLines(next, telling, counter));
    told.add(text);
  }
  return lines;
}

function firstDifference({ steps }: Explanation, other: Explanation): number {
  const at = other.steps.findIndex((step, index) => JSON.stringify(step) !== JSON.stringify(steps[index]));
  return at < 0 ? other.steps.length : at;
}

const stepsLines = (steps: readonly Step[], telling: Telling): string[] => steps.flatMap((step) => stepLines(step, telling));

const signs: Readonly<Record<Step['effect'], string>> = { passes: ' ', ends: '✗', unknown: '?' };

function stepLines(step: Step, { verbose, style }: Telling): string[] {
  const { effect, text, origins } = step;
  const sign = step.effect === 'ends' && /^(?:it redirects|it answers|the preflight)/.test(text) ? '→' : signs[effect];
  const head = ` ${effect === 'passes' ? sign : style(effect === 'ends' ? 'red' : 'yellow', sign)} ${text}`;
  const details = step.details.slice(0, verbose ? undefined : shown(step)).map((each) => `     ${each}`);
  const rest = step.details.length - details.length;
  return [
    head,
    ...details,
    ...(rest > 0 && shown(step) > 0 ? [`     … and ${rest} more (-v shows them)`] : []),
    ...origins.map((origin) => originLine(origin, style, 5)),
  ];
}

/** How many of a step's details most readers want. */
function shown({ kind, effect }: Step): number {
  if (effect !== 'passes') return 8;
  switch (kind) {
    case 'route':
    case 'request':
    case 'response':
      return 6;
    case 'endpoints':
      return 4;
    case 'http':
      return 2;
    default:
      return 0;
  }
}

/** `bookinfo.yaml:12  VirtualService/default/reviews spec.http[0]`. */
function originLine({ object, path, place }: StepOrigin, style: Telling['style'], indent: number): string {
  const words = [...(place === undefined ? [] : [place]), path === '' ? object : `${object} ${path}`];
  return `${' '.repeat(indent)}${style('cyan', `← ${words.join('  ')}`)}`;
}

function missingOf({ explanation, onward, otherwise }: Journey): string[] {
  return [...explanation.missing, ...otherwise.flatMap(missingOf), ...onward.flatMap((each) => missingOf(each.journey))];
}

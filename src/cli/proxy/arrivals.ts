// Every proxy with how far each type of its configuration is: what istioctl proxy-status tells.

import type { TypeStatus, WorkloadStatus } from '../../control/api/contract.ts';
import { tableText } from '../table.ts';
import type { Style, Terminal } from '../terminal.ts';

/** Identities come from the agent, so that most proxies are sent no secrets. */
const columns: readonly (readonly [type: string, head: string, always: boolean])[] = [
  ['listener', 'Listeners', true],
  ['route', 'Routes', true],
  ['cluster', 'Clusters', true],
  ['endpoint', 'Endpoints', true],
  ['secret', 'Secrets', false],
];

const styles: Readonly<Record<TypeStatus['state'], Style>> = {
  arrived: 'green',
  sending: 'yellow',
  rejected: 'red',
  'not arrived': 'red',
};

interface Layout {
  readonly wide: boolean;
  readonly headers: boolean;
}

/** A table, and below it what went wrong, in Envoy's words where they are its. */
export function arrivalsText(
  proxies: readonly WorkloadStatus[],
  { wide, headers }: Layout,
  { style }: Pick<Terminal, 'style'>,
): string {
  const shown = columns.filter(
    ([type, , always]) => always || proxies.some(({ types }) => types?.some((each) => each.type === type)),
  );
  const head = ['Proxy', 'Namespace', ...shown.map(([, name]) => name), ...(wide ? ['Identity'] : [])];
  const rows = proxies.map(({ name, namespace, types, identity }) => [
    name,
    namespace,
    ...shown.map(([type]) => stateText(types, type, style)),
    ...(wide ? [identity] : []),
  ]);
  const wrong = proxies.flatMap(({ name, namespace, problem, rejection }) => [
    ...(problem === undefined ? [] : [`${name}.${namespace}: ${problem}`]),
    ...(rejection === undefined ? [] : [`${name}.${namespace}: Envoy rejected ${rejection}`]),
  ]);
  const table = tableText(head, rows, { headers });
  return wrong.length === 0 ? table : `${table}\n\n${wrong.join('\n')}`;
}

/** `arrived (12)`; nothing of a type that it did not ask for. Clusters and endpoints on demand count with the others. */
function stateText(types: readonly TypeStatus[] | undefined, type: string, style: Terminal['style']): string {
  if (types === undefined) return style('red', 'not connected');
  const of = types.filter((each) => each.type === type || (type === 'cluster' && each.type === 'called'));
  const [worst] = of.toSorted((a, b) => ranks.indexOf(b.state) - ranks.indexOf(a.state));
  if (worst === undefined) return '';
  return `${style(styles[worst.state], worst.state)} (${of.reduce((sum, { resources }) => sum + resources, 0)})`;
}

const ranks: readonly TypeStatus['state'][] = ['arrived', 'sending', 'rejected', 'not arrived'];

// lateen status: each workload, its proxy, its identity and whether its configuration has arrived.

import type { StatusAnswer, WorkloadStatus } from '../../control/api/contract.ts';
import { connect } from '../client.ts';
import { countText } from '../diagnostics.ts';
import { behindText } from '../waiting.ts';
import { exitCode } from '../failure.ts';
import { isStructured, printStructured } from '../structured.ts';
import { age, span, tableText } from '../table.ts';
import type { Style, Terminal } from '../terminal.ts';
import { defineVerb, online, output, type OnlineOptions } from '../verb.ts';

interface Options extends OnlineOptions {
  readonly output: string;
}

export const verb = defineVerb<Options>({
  define: (command) => online(command).option(...output('table', 'json', 'yaml')),
  examples: [
    ['lateen status', 'the whole mesh at a glance'],
    ['lateen status -o json', 'the same for a program'],
  ],
  async run({ options, terminal }) {
    const status = await connect(options).get<StatusAnswer>('/v1/status');
    if (isStructured(options.output)) await printStructured(status, options.output, terminal);
    else printStatus(status, terminal, new Date());
    return exitCode.ok;
  },
});

function printStatus(status: StatusAnswer, terminal: Terminal, now: Date): void {
  terminal.line(`Lateen ${status.version}, up for ${age(status.started, now)}, state in ${status.state}`);
  for (const [what, address] of Object.entries(status.addresses)) terminal.line(`${what}: ${address}`);
  if (status.workloads.length === 0) {
    terminal.line('No workloads yet.');
  } else {
    terminal.line();
    terminal.line(statusText(status.workloads, now, (style, text) => terminal.style(style, text)));
  }
  for (const { namespace, name, rejection } of status.workloads) {
    if (rejection !== undefined) terminal.note(`${name}.${namespace}: Envoy rejected its configuration: ${rejection}`);
  }
  printDistribution(status.behind, terminal);
  const found = countText(status.diagnostics);
  if (found !== '') terminal.line(`\nConfiguration: ${found} (lateen get diagnostics shows them)`);
}

/** What waits or is stuck is said in full; what is on its way is counted. */
function printDistribution(behind: StatusAnswer['behind'], terminal: Terminal): void {
  const stuck = behind.filter(({ behind: proxies, waits }) => waits.length > 0 || proxies.some(({ why }) => why !== ''));
  for (const object of stuck) terminal.note(behindText(object));
  const sending = behind.length - stuck.length;
  if (sending > 0)
    terminal.line(`\nOn their way to proxies: ${sending} object${sending === 1 ? '' : 's'} (lateen get KIND -o wide)`);
}

const styles: Readonly<Record<WorkloadStatus['configuration'], Style>> = {
  arrived: 'green',
  sending: 'yellow',
  rejected: 'red',
  'not arrived': 'red',
  'not connected': 'red',
  '': 'dim',
};

export function statusText(
  workloads: readonly WorkloadStatus[],
  now: Date,
  style: (style: Style, text: string) => string,
): string {
  const head = ['Workload', 'Namespace', 'Proxy', 'Identity', 'Certificate', 'Configuration'];
  const rows = workloads.map(({ name, namespace, proxy, identity, certificateExpires, configuration, problem }) => [
    name,
    namespace,
    proxy === '' ? 'none' : proxy,
    identity,
    expiry(certificateExpires, now),
    configuration === ''
      ? ''
      : style(styles[configuration], problem === undefined ? configuration : `${configuration}: ${problem}`),
  ]);
  return tableText(head, rows);
}

function expiry(expires: string, now: Date): string {
  if (expires === '') return '';
  const seconds = Math.floor((Date.parse(expires) - now.getTime()) / 1000);
  return seconds < 0 ? `expired ${span(-seconds)} ago` : `expires in ${span(seconds)}`;
}

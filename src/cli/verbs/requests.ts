// lateen requests: shows the requests and connections that have ended, once or as they do.

import type { RequestsAnswer, UnrecordedAnswer } from '../../control/api/contract.ts';
import type { RequestRow } from '../../telemetry/request-row.ts';
import { connect } from '../client.ts';
import { exitCode, usageFailure } from '../failure.ts';
import { isStructured, printStructured } from '../structured.ts';
import { requestsText, unrecordedText } from '../request-output.ts';
import { sinceOf } from '../since.ts';
import { defineVerb, online, output, type OnlineOptions } from '../verb.ts';

interface Options extends OnlineOptions {
  readonly namespace?: string;
  readonly failed?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly since?: string;
  readonly tail: string;
  readonly watch?: boolean;
  readonly output: string;
}

export const verb = defineVerb<Options>({
  define: (command) =>
    online(command)
      .option('-n, --namespace <namespace>', 'only to or from workloads of this namespace (default: all)')
      .option('--failed', 'only those that did not go well')
      .option('--from <workload>', 'only of this caller: NAME, NAME.NAMESPACE or a pod')
      .option('--to <workload>', 'only to this destination: a workload, a pod or a service')
      .option('--since <duration>', 'only those of the last 10m, 1h, …')
      .option('--tail <count>', 'only the last ones', '100')
      .option('-w, --watch', 'follow: a line for each that ends from now on')
      .option(...output('table', 'wide', 'json', 'yaml')),
  examples: [
    ['lateen requests --failed', 'what went wrong lately'],
    ['lateen requests --from productpage-v1 --to reviews -w', 'follow the requests between two'],
    ['lateen requests --failed -o wide', 'with route, cluster, endpoint and Envoy’s reasons'],
  ],
  async run({ options, terminal }) {
    const { namespace, failed, from, to, tail, watch, output: format } = options;
    if (!/^\d{1,9}$/.test(tail)) throw usageFailure(`--tail ${tail} is not a number of requests`);
    const client = connect(options);
    const query = { namespace, failed, from, to, since: options.since === undefined ? undefined : sinceOf(options.since) };
    if (watch === true) {
      const { stringify } = await import('yaml');
      let headers = true;
      for await (const row of client.lines<RequestRow>('/v1/requests', { ...query, watch }, terminal.signal)) {
        if (format === 'json') terminal.line(JSON.stringify(row));
        else if (format === 'yaml') terminal.write(`---\n${stringify(row)}`);
        else terminal.line(requestsText([row], { wide: format === 'wide', headers, alone: true }));
        headers = false;
      }
      return exitCode.ok;
    }
    const rows = await client.get<RequestsAnswer>('/v1/requests', { ...query, limit: Number(tail) });
    if (isStructured(format)) await printStructured(rows, format, terminal);
    else if (rows.length === 0) terminal.note(failed === true ? 'nothing has failed' : 'no requests');
    else terminal.line(requestsText(rows, { wide: format === 'wide', headers: true, alone: false }));
    if (failed !== true) {
      const text = unrecordedText(await client.get<UnrecordedAnswer>('/v1/unrecorded'), query);
      if (text !== undefined) terminal.note(text);
    }
    return exitCode.ok;
  },
});

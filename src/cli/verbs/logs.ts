// lateen logs: shows what a workload's containers, or its proxy, printed.

import { connect } from '../client.ts';
import { exitCode, usageFailure } from '../failure.ts';
import { defineVerb, namespaced, online, type OnlineOptions } from '../verb.ts';

interface Options extends OnlineOptions {
  readonly namespace?: string;
  readonly container?: string;
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly tail?: string;
}

export const verb = defineVerb<Options>({
  define: (command) =>
    online(namespaced(command.argument('<workload>', 'productpage-v1, deploy/NAME, a pod, or NAME.NAMESPACE')))
      .option('-c, --container <name>', 'the container, if it has several; istio-proxy for its Envoy')
      .option('-f, --follow', 'go on with what it prints')
      .option('-p, --previous', 'what it printed before it was started again')
      .option('--tail <lines>', 'only the last lines'),
  examples: [
    ['lateen logs reviews-v1', 'all it printed'],
    ['lateen logs reviews-v1 --previous', 'the last words of the run that ended'],
    ['lateen logs reviews-v1 -c istio-proxy -f --tail 20', 'follow its proxy'],
  ],
  completes: ['workloads'],
  async run({ args, options, terminal }) {
    const { namespace, container, follow, previous, tail } = options;
    if (follow === true && previous === true)
      throw usageFailure('a run that has ended goes on no more', 'give -f or -p, not both');
    if (tail !== undefined && !/^\d{1,9}$/.test(tail)) throw usageFailure(`--tail ${tail} is not a number of lines`);
    const query = { workload: args[0], namespace, container, follow, previous, tail };
    for await (const text of connect(options).text('/v1/logs', query, terminal.signal)) terminal.write(text);
    return exitCode.ok;
  },
});

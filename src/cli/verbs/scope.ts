// lateen scope: what a workload has called, and the Sidecar object that says so.

import type { ScopeAnswer } from '../../control/api/contract.ts';
import { connect } from '../client.ts';
import { exitCode, Failure } from '../failure.ts';
import { printStructured } from '../structured.ts';
import { scopeText, sidecarOf } from '../scope-output.ts';
import { age } from '../table.ts';
import { defineVerb, namespaced, oneOf, online, type OnlineOptions } from '../verb.ts';

interface Options extends OnlineOptions {
  readonly namespace?: string;
  readonly output: string;
}

export const verb = defineVerb<Options>({
  define: (command) =>
    online(namespaced(command.argument('<workload>', 'productpage-v1, deploy/NAME, a pod, or NAME.NAMESPACE'))).option(
      '-o, --output <format>',
      'table; yaml: the Sidecar, for lateen apply; json: what is known',
      oneOf('format', ['table', 'yaml', 'json']),
      'table',
    ),
  examples: [
    ['lateen scope productpage-v1', 'the services that it has called since its proxy started'],
    ['lateen scope productpage-v1 -o yaml | lateen apply -f -', 'let it call these, and nothing else'],
  ],
  completes: ['workloads'],
  async run({ args, options, terminal }) {
    const answer = await connect(options).get<ScopeAnswer>('/v1/scope', { workload: args[0], namespace: options.namespace });
    const { workload, namespace, services, outside, since, sidecars, selector } = answer;
    const now = new Date();
    if (options.output === 'json') {
      await printStructured(answer, 'json', terminal);
      return exitCode.ok;
    }
    if (sidecars.length > 0)
      terminal.note(`${workload} has a Sidecar already (${sidecars.join(', ')}): it has called no more than that lets it`);
    if (outside.length > 0) terminal.note(`it has also called what nobody declared: ${outside.join(', ')}`);
    if (options.output === 'yaml') {
      if (Object.keys(selector).length === 0)
        throw new Failure(
          `the pods of ${workload} have no labels to select them by`,
          'a Sidecar would be for its whole namespace: give the pods a label',
        );
      await printStructured(sidecarOf(answer), 'yaml', terminal);
      return exitCode.ok;
    }
    if (services.length > 0) terminal.line(scopeText(answer, now));
    const count = services.length === 0 ? 'no services' : services.length === 1 ? 'one service' : `${services.length} services`;
    terminal.note(`${workload}.${namespace} has called ${count} since its proxy started ${age(since, now)} ago`);
    return exitCode.ok;
  },
});

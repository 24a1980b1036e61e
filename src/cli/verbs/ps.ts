// lateen ps: shows the pods of the mesh and their containers.

import type { PodRow } from '../../control/api/contract.ts';
import { connect } from '../client.ts';
import { exitCode } from '../failure.ts';
import { printStructured } from '../structured.ts';
import { age, tableText } from '../table.ts';
import { defineVerb, namespaced, online, output, type OnlineOptions } from '../verb.ts';

interface Options extends OnlineOptions {
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly output: string;
}

export const verb = defineVerb<Options>({
  define: (command) =>
    online(namespaced(command))
      .option('-A, --all-namespaces', 'in every namespace')
      .option(...output('table', 'wide', 'json', 'yaml', 'name')),
  examples: [
    ['lateen ps', 'the pods of namespace default'],
    ['lateen ps -A -o wide', 'all pods, with their containers'],
  ],
  async run({ options, terminal }) {
    const pods = await connect(options).get<readonly PodRow[]>('/v1/pods', {
      namespace: options.allNamespaces === true ? undefined : (options.namespace ?? 'default'),
    });
    switch (options.output) {
      case 'json':
      case 'yaml':
        await printStructured(pods, options.output, terminal);
        break;
      case 'name':
        for (const { name } of pods) terminal.line(`pod/${name}`);
        break;
      default:
        if (pods.length === 0) terminal.note('no pods');
        else terminal.line(podsText(pods, options.output === 'wide', options.allNamespaces ?? false, new Date()));
    }
    return exitCode.ok;
  },
});

export function podsText(pods: readonly PodRow[], wide: boolean, allNamespaces: boolean, now: Date): string {
  const head = [
    ...(allNamespaces ? ['Namespace'] : []),
    'Name',
    'Ready',
    'Status',
    'Restarts',
    'Address',
    'Age',
    ...(wide ? ['Containers'] : []),
  ];
  const rows = pods.map((pod) => [
    ...(allNamespaces ? [pod.namespace] : []),
    pod.name,
    pod.ready,
    pod.phase,
    String(pod.restarts),
    pod.address,
    age(pod.started, now),
    ...(wide ? [pod.containers.map(({ name, state }) => `${name} (${state})`).join(', ')] : []),
  ]);
  return tableText(head, rows);
}

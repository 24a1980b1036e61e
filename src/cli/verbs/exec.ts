// lateen exec: runs a command inside a workload's namespaces, on the caller's terminal.

import { spawn } from 'node:child_process';
import type { ExecAnswer, ExecRequest } from '../../control/api/contract.ts';
import { connect } from '../client.ts';
import { Failure, usageFailure } from '../failure.ts';
import { defineVerb, namespaced, online, type OnlineOptions } from '../verb.ts';

interface Options extends OnlineOptions {
  readonly namespace?: string;
  readonly container?: string;
}

export const verb = defineVerb<Options>({
  define: (command) =>
    online(
      namespaced(
        command
          .argument('<workload>', 'productpage-v1, deploy/NAME, a pod, or NAME.NAMESPACE')
          .argument('<command...>', 'the program and its arguments, behind --'),
      ),
    ).option('-c, --container <name>', 'the container, if it has several'),
  examples: [
    ['lateen exec curl -- curl -s http://reviews:9080/reviews/0', 'call a service from inside the mesh'],
    ['lateen exec -n shop deploy/cart -- sh', 'a shell'],
  ],
  completes: ['workloads', 'files'],
  async run({ args, options, terminal }) {
    const [workload, ...command] = args;
    if (workload === undefined || command.length === 0) throw usageFailure('which command?', 'write it after --');
    const { namespace, container } = options;
    const request: ExecRequest = {
      workload,
      command,
      ...(namespace !== undefined && { namespace }),
      ...(container !== undefined && { container }),
    };
    const { argv, env } = await connect(options).post<ExecAnswer>('/v1/exec', request);
    const [file, ...words] = argv;
    if (file === undefined) throw new Failure('the platform gave no command');
    return new Promise((resolve, reject) => {
      const child = spawn(file, words, { stdio: 'inherit', env });
      // The terminal sends Ctrl-C to the child itself; a SIGTERM to us alone is handed on.
      terminal.signal.addEventListener('abort', () => child.kill('SIGTERM'));
      child.on('error', (error) => reject(new Failure(`cannot run ${file}: ${error.message}`)));
      child.on('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 128 + signalNumber(signal))));
    });
  },
});

const signalNumber = (signal: NodeJS.Signals): number =>
  ({ SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 })[signal as string] ?? 1;

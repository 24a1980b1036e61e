// lateen delete: takes objects out of the running mesh, by manifest or by kind and name.

import type { DeleteAnswer, DeleteRequest } from '../../control/api/contract.ts';
import { chosenObjects } from '../chosen-objects.ts';
import { connect } from '../client.ts';
import { exitCode } from '../failure.ts';
import { defineVerb, naming, type OnlineOptions } from '../verb.ts';

interface Options extends OnlineOptions {
  readonly file?: readonly string[];
  readonly namespace?: string;
  readonly selector?: string;
  readonly all?: boolean;
  readonly ignoreNotFound?: boolean;
}

export const verb = defineVerb<Options>({
  define: (command) =>
    naming(command, 'delete what these manifests name')
      .option('-l, --selector <selector>', 'delete the objects with these labels')
      .option('--all', 'delete every object of the kind in the namespace')
      .option('--ignore-not-found', 'what is not there is no failure'),
  examples: [
    ['lateen delete vs reviews', 'delete one object'],
    ['lateen delete -f virtual-service.yaml', 'delete what a manifest names'],
    ['lateen delete dr --all -n shop', 'delete all of a kind in a namespace'],
  ],
  completes: ['kinds', 'objects'],
  async run({ args, options, terminal }) {
    const client = connect(options);
    const answers: DeleteAnswer[] = [];
    for (const request of requests(args, options, (message) => terminal.note(`lateen: ${message}`))) {
      answers.push(await client.post<DeleteAnswer>('/v1/delete', request));
    }
    for (const name of answers.flatMap(({ deleted }) => deleted)) terminal.line(`${name} deleted`);
    const errors = answers
      .flatMap((answer) => answer.errors)
      .filter((error) => !(options.ignoreNotFound === true && error.endsWith('not found')));
    for (const error of errors) terminal.note(`lateen: ${error}`);
    if (answers.every(({ deleted, errors: kept }) => deleted.length + kept.length === 0)) terminal.note('nothing to delete');
    return errors.length === 0 ? exitCode.ok : exitCode.failed;
  },
});

function requests(args: readonly string[], options: Options, note: (message: string) => void): DeleteRequest[] {
  const advice = options.all === true ? undefined : 'give names, -l SELECTOR or --all';
  return chosenObjects(args, options, { unread: (messages) => messages.forEach(note), advice }).map((request) =>
    request.kind === undefined ? request : { ...request, all: options.all ?? false },
  );
}

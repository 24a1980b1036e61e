// lateen apply: sends manifests to the running mesh and says what became of each object.

import type { ApplyAnswer, ApplyRequest } from '../../control/api/contract.ts';
import { connect } from '../client.ts';
import { noteDiagnostics } from '../diagnostics.ts';
import { exitCode, Failure } from '../failure.ts';
import { readManifests } from '../manifests.ts';
import { defineVerb, files, namespaced, online, type OnlineOptions } from '../verb.ts';

interface Options extends OnlineOptions {
  readonly file?: readonly string[];
  readonly namespace?: string;
  readonly dryRun?: boolean;
}

export const verb = defineVerb<Options>({
  define: (command) =>
    online(namespaced(files(command, 'manifests: files, folders, or - for standard input'))).option(
      '--dry-run',
      'only say what would happen',
    ),
  examples: [
    ['lateen apply -f virtual-service.yaml', 'create or change the objects of a file'],
    ['lateen apply -f networking/ --dry-run', 'say what a folder would change'],
    ['cat vs.yaml | lateen apply -f -', 'read standard input'],
  ],
  async run({ options, terminal }) {
    const { files: read, unread } = readManifests(options.file);
    for (const message of unread) terminal.note(`lateen: ${message}`);
    if (read.length === 0) throw new Failure('nothing was applied', 'name manifests that can be read');
    const request: ApplyRequest = {
      files: read,
      dryRun: options.dryRun ?? false,
      ...(options.namespace !== undefined && { namespace: options.namespace }),
    };
    const { results, diagnostics, consequences } = await connect(options).post<ApplyAnswer>('/v1/apply', request);
    for (const { name, outcome } of results) {
      if (outcome !== 'refused') terminal.line(`${name} ${outcome}${request.dryRun ? ' (dry run)' : ''}`);
      else terminal.note(`${name} ${terminal.style('red', 'refused')}`);
    }
    noteDiagnostics(terminal, [...diagnostics, ...consequences]);
    if (results.length === 0 && unread.length === 0 && diagnostics.length === 0)
      terminal.note('lateen: no objects in what was given');
    const whole = unread.length === 0 && diagnostics.every(({ severity }) => severity !== 'error');
    return whole && results.every(({ outcome }) => outcome !== 'refused') ? exitCode.ok : exitCode.failed;
  },
});

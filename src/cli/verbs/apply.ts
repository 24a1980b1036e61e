// lateen apply: sends manifests to the running mesh and says what became of each object.

import type { ApplyAnswer, ApplyRequest } from '../../control/api/contract.ts';
import { connect } from '../client.ts';
import { noteDiagnostics } from '../diagnostics.ts';
import { exitCode, Failure } from '../failure.ts';
import { readManifests } from '../manifests.ts';
import { defineVerb, files, namespaced, online, type OnlineOptions } from '../verb.ts';
import { waitFor } from '../waiting.ts';
import { waitingTime } from './wait.ts';

interface Options extends OnlineOptions {
  readonly file?: readonly string[];
  readonly namespace?: string;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly timeout: string;
}

export const verb = defineVerb<Options>({
  define: (command) =>
    online(namespaced(files(command, 'manifests: files, folders, or - for standard input')))
      .option('--dry-run', 'only say what would happen')
      .option('--wait', 'return when every proxy that needs the objects has them')
      .option('--timeout <duration>', 'how long --wait waits', '30s'),
  examples: [
    ['lateen apply -f virtual-service.yaml', 'create or change the objects of a file'],
    ['lateen apply -f networking/ --dry-run', 'say what a folder would change'],
    ['lateen apply -f networking/ --wait', 'go on when it has arrived everywhere'],
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
    const timeoutMs = waitingTime(options.timeout);
    const client = connect(options);
    const { results, diagnostics, consequences } = await client.post<ApplyAnswer>('/v1/apply', request);
    for (const { name, outcome } of results) {
      if (outcome !== 'refused') terminal.line(`${name} ${outcome}${request.dryRun ? ' (dry run)' : ''}`);
      else terminal.note(`${name} ${terminal.style('red', 'refused')}`);
    }
    noteDiagnostics(terminal, [...diagnostics, ...consequences]);
    if (results.length === 0 && unread.length === 0 && diagnostics.length === 0)
      terminal.note('lateen: no objects in what was given');
    const whole = unread.length === 0 && diagnostics.every(({ severity }) => severity !== 'error');
    const taken = whole && results.every(({ outcome }) => outcome !== 'refused');
    if (!taken || options.wait !== true || request.dryRun) return taken ? exitCode.ok : exitCode.failed;
    const { dryRun: _dryRun, ...named } = request;
    return waitFor(client, [named], timeoutMs, terminal);
  },
});

// lateen wait: returns when every proxy that needs an object has acknowledged it, or says which have not, and why.

import type { DistributionRequest } from '../../control/api/contract.ts';
import { milliseconds } from '../../lib/duration.ts';
import { chosenObjects } from '../chosen-objects.ts';
import { connect } from '../client.ts';
import { usageFailure } from '../failure.ts';
import { defineVerb, naming, type OnlineOptions } from '../verb.ts';
import { waitFor } from '../waiting.ts';

interface Options extends OnlineOptions {
  readonly file?: readonly string[];
  readonly namespace?: string;
  readonly selector?: string;
  readonly timeout: string;
}

export const verb = defineVerb<Options>({
  define: (command) =>
    naming(command, 'wait for what these manifests name')
      .option('-l, --selector <selector>', 'the objects of the kind with these labels')
      .option('--timeout <duration>', 'give up after this time', '30s'),
  examples: [
    ['lateen wait vs/reviews dr/reviews', 'until both have arrived'],
    ['lateen wait -f networking/ --timeout 10s', 'everything that a folder names'],
  ],
  completes: ['kinds', 'objects'],
  async run({ args, options, terminal }) {
    const timeoutMs = waitingTime(options.timeout);
    return waitFor(
      connect(options),
      requests(args, options, (text) => terminal.note(`lateen: ${text}`)),
      timeoutMs,
      terminal,
    );
  },
});

/** Milliseconds of a duration as people write it: `30s`, `1m30s`, `500ms`. */
export function waitingTime(text: string): number {
  if (!/^(?:\d+(?:\.\d+)?(?:h|ms|m|s))+$/.test(text)) throw usageFailure(`${text} is no duration`, 'write it as 30s or 1m30s');
  return milliseconds(text);
}

function requests(args: readonly string[], options: Options, note: (message: string) => void): DistributionRequest[] {
  const unread = (messages: readonly string[]): void => {
    messages.forEach(note);
    if (messages.length > 0) throw usageFailure('not all files can be read');
  };
  return chosenObjects(args, options, { unread, advice: 'give names or -l SELECTOR' });
}

// The program that `lateen up` starts again inside its sandbox; people never call it.

import { runInside, type InsideOptions } from '../local/assembly/inside.ts';
import { LocalError } from '../local/local-error.ts';

const [options = '{}'] = process.argv.slice(2);

try {
  process.exit(await runInside(JSON.parse(options) as InsideOptions));
} catch (error) {
  const help = error instanceof Error && 'help' in error && typeof error.help === 'string' ? `\n  ${error.help}` : '';
  const text =
    error instanceof LocalError || help !== ''
      ? `${(error as Error).message}${help}`
      : error instanceof Error
        ? error.stack
        : String(error);
  process.stderr.write(`lateen: ${text}\n`);
  process.exit(1);
}

// The program that `lateen up` starts again inside its sandbox; people never call it.

import { errorText } from '../api/coded-error.ts';
import { runInside, type InsideOptions } from '../local/assembly/inside.ts';

const [options = '{}'] = process.argv.slice(2);

try {
  process.exit(await runInside(JSON.parse(options) as InsideOptions));
} catch (error) {
  // An error that says what to do is for a person; any other is a fault, whose place counts.
  const foreseen = error instanceof Error && 'help' in error;
  process.stderr.write(`lateen: ${foreseen || !(error instanceof Error) ? errorText(error) : error.stack}\n`);
  process.exit(1);
}

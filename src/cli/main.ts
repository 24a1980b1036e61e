// Where every `lateen` command starts: finds the verb, loads its file alone, runs it and turns its end into an exit code.

import { errorText } from '../api/coded-error.ts';
import { exitCode, Failure } from './failure.ts';
import { processTerminal } from './terminal.ts';

const terminal = processTerminal();
try {
  const { program } = await import('./program.ts');
  process.exitCode = await program(process.argv.slice(2), terminal);
} catch (error) {
  if (terminal.interrupted()) {
    process.exitCode = 130;
  } else {
    terminal.note(`lateen: ${errorText(error)}`);
    process.exitCode = error instanceof Failure ? error.exitCode : exitCode.failed;
    if (process.env['LATEEN_TRACE'] !== undefined && error instanceof Error) terminal.note(error.stack ?? '');
  }
}

// Where every `lateen` command starts: finds the verb, loads its file alone, runs it and turns its end into an exit code.

import { exitCode, Failure, failureText } from './failure.ts';
import { processTerminal } from './terminal.ts';
import { program } from './program.ts';

const terminal = processTerminal();
try {
  process.exitCode = await program(process.argv.slice(2), terminal);
} catch (error) {
  if (terminal.interrupted()) {
    process.exitCode = 130;
  } else {
    terminal.note(`lateen: ${failureText(error)}`);
    process.exitCode = error instanceof Failure ? error.exitCode : exitCode.failed;
    if (process.env['LATEEN_TRACE'] && error instanceof Error) terminal.note(error.stack ?? '');
  }
}

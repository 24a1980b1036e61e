// Where every `lateen` command starts: finds the verb, loads its file alone, runs it and turns its end into an exit code.

import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { errorText } from '../api/coded-error.ts';
import { exitCode, Failure } from './failure.ts';
import { processTerminal } from './terminal.ts';

// Compiled code is kept between runs: without it a third of `lateen compile` goes into reading its own source.
enableCompileCache(join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lateen/code'));

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

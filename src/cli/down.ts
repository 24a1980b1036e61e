// Stops a running mesh in order, or cleans up after one that was killed.

import { stateFolder } from '../control/state-folder.ts';
import { exitCode } from './failure.ts';
import type { Terminal } from './terminal.ts';
import type { OnlineOptions } from './verb.ts';

export async function down(options: OnlineOptions, terminal: Terminal): Promise<number> {
  const { path } = stateFolder(options.state, process.env);
  const { runDown } = await import('../local/outer.ts');
  const found = await runDown(path, (line) => terminal.note(line));
  if (found === 'nothing') terminal.line('nothing runs here');
  else terminal.line(`${found === 'ended' ? 'stopped' : 'cleaned up'}; what was applied is kept in ${path}`);
  return exitCode.ok;
}

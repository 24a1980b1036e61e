// Stops what runs on a state folder in order, a mesh or a control plane alone, or cleans up after a mesh that was killed.

import { setTimeout as sleep } from 'node:timers/promises';
import type { VersionAnswer } from '../control/api/contract.ts';
import { stateFolder } from '../control/state-folder.ts';
import { connect, type Client } from './client.ts';
import { exitCode, Failure } from './failure.ts';
import type { Terminal } from './terminal.ts';
import type { OnlineOptions } from './verb.ts';

const longestStopMs = 30_000;
const pollMs = 50;

export async function down(options: OnlineOptions, terminal: Terminal): Promise<number> {
  const { path } = stateFolder(options.state, process.env);
  const { runDown } = await import('../local/outer.ts');
  const mesh = await runDown(path, (line) => terminal.note(line));
  const found = mesh === 'nothing' ? await stopControl(connect(options)) : mesh;
  if (found === 'nothing') terminal.line('nothing runs here');
  else terminal.line(`${found === 'ended' ? 'stopped' : 'cleaned up'}; what was applied is kept in ${path}`);
  return exitCode.ok;
}

/** `lateen control` has no pid file: it is asked, and has ended when it no longer answers. */
async function stopControl(client: Client): Promise<'ended' | 'nothing'> {
  const running = (): Promise<VersionAnswer | undefined> => client.get<VersionAnswer>('/v1/version').catch(() => undefined);
  const control = await running();
  if (control === undefined) return 'nothing';
  await client.post('/v1/stop', {});
  for (let waited = 0; waited < longestStopMs; waited += pollMs) {
    if ((await running()) === undefined) return 'ended';
    await sleep(pollMs);
  }
  throw new Failure(`process ${control.pid} does not end`, `kill -9 ${control.pid}`);
}

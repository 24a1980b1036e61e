// Stops a running mesh in order and waits until it has gone.

import { setTimeout as sleep } from 'node:timers/promises';
import type { VersionAnswer } from '../control/api/contract.ts';
import { stateFolder } from '../control/state-folder.ts';
import { connect } from './client.ts';
import { exitCode, Failure } from './failure.ts';
import type { Terminal } from './terminal.ts';
import type { OnlineOptions } from './verb.ts';

/** A mesh drains its proxies first; one that takes longer than this is stuck. */
const patienceMs = 60_000;
const pollMs = 50;

export async function down(options: OnlineOptions, terminal: Terminal): Promise<number> {
  const client = connect(options);
  const { pid } = await client.get<VersionAnswer>('/v1/version');
  await client.post('/v1/stop', {});
  for (let waited = 0; waited < patienceMs; waited += pollMs) {
    if (!isAlive(pid)) {
      terminal.line(`stopped; what was applied is kept in ${stateFolder(options.state, process.env).path}`);
      return exitCode.ok;
    }
    await sleep(pollMs, undefined, { signal: terminal.signal });
  }
  throw new Failure(`process ${pid} has been asked to stop and still runs`, `see its log, or kill ${pid}`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process with our API's socket cannot be; one we may not signal is alive all the same.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

// The whole mesh in one process: the control plane, and beside it what runs the workloads; in the foreground or detached.

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VersionAnswer } from '../control/api/contract.ts';
import { openStateFolder, stateFolder, type StateFolder } from '../control/state-folder.ts';
import { connect } from './client.ts';
import { exitCode, Failure } from './failure.ts';
import { runControl } from './run-control.ts';
import type { Terminal } from './terminal.ts';
import type { UpOptions } from './verbs/up.ts';

const patienceMs = 60_000;
const pollMs = 100;

export async function up(options: UpOptions, terminal: Terminal): Promise<number> {
  const state = stateFolder(options.state, process.env);
  if (options.detach === true) return detach(state, options, terminal);
  return runControl(
    {
      state,
      files: options.file ?? [],
      meshConfig: options.meshConfig,
      listen: { http: { host: '127.0.0.1', port: 15_014 } },
      logLevel: 'info',
    },
    terminal,
  );
}

/** Starts the same command without `-d` in a session of its own, and waits until its API answers. */
async function detach(state: StateFolder, options: UpOptions, terminal: Terminal): Promise<number> {
  if (options.file?.includes('-') === true) throw new Failure('standard input ends with this command', 'give a file with -d');
  openStateFolder(state);
  const logPath = join(state.path, 'up.log');
  const log = openSync(logPath, 'a', 0o600);
  const args = process.argv.slice(1).filter((word) => word !== '-d' && word !== '--detach');
  const child = spawn(process.execPath, [...process.execArgv, ...args], { detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  const client = connect(options);
  for (let waited = 0; waited < patienceMs; waited += pollMs) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Failure('the mesh did not start', `see ${logPath}`);
    const answer = await client.get<VersionAnswer>('/v1/version').catch(() => undefined);
    if (answer?.pid === child.pid) {
      child.unref();
      terminal.line(`running in the background as process ${child.pid}; log in ${logPath}; lateen down ends it`);
      return exitCode.ok;
    }
    await sleep(pollMs, undefined, { signal: terminal.signal });
  }
  throw new Failure('the mesh does not answer yet', `see ${logPath}`);
}

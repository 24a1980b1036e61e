// The whole mesh on this machine: the outer half of `lateen up` holds the host's ports, the inner one runs everything else in a
// sandbox of its own; in the foreground or detached.

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VersionAnswer } from '../control/api/contract.ts';
import { openStateFolder, stateFolder, type StateFolder } from '../control/state-folder.ts';
import { connect } from './client.ts';
import { usualLifetimes } from '../ca/issue.ts';
import { seconds } from '../lib/duration.ts';
import { exitCode, Failure, usageFailure } from './failure.ts';
import type { Terminal } from './terminal.ts';
import type { UpOptions } from './verbs/up.ts';

const patienceMs = 90_000;
const pollMs = 100;
/** Seconds. Shorter ones could run out while a busy machine renews them. */
const shortestCertificate = 10;
const home = resolve(import.meta.dirname, '../..');

export async function up(options: UpOptions, terminal: Terminal): Promise<number> {
  const state = stateFolder(options.state, process.env);
  if (options.file?.includes('-') === true)
    throw new Failure('standard input cannot be watched', 'write the manifests to a file and name it with -f');
  const ttl = options.workloadCertTtl;
  if (ttl !== undefined && !(seconds(ttl) >= shortestCertificate && seconds(ttl) <= usualLifetimes.longest))
    throw usageFailure(
      `${ttl} is no lifetime for certificates`,
      `give from ${shortestCertificate}s to ${usualLifetimes.longest / 3600}h`,
    );
  openStateFolder(state);
  return options.detach === true ? detach(state, options, terminal) : foreground(state, options, terminal);
}

async function foreground(state: StateFolder, options: UpOptions, terminal: Terminal): Promise<number> {
  const { runOuter } = await import('../local/outer.ts');
  const inside = {
    state: state.path,
    files: (options.file ?? []).map((path) => resolve(path)),
    images: options.images && resolve(options.images),
    meshConfig: options.meshConfig && resolve(options.meshConfig),
    certificateSeconds: options.workloadCertTtl && seconds(options.workloadCertTtl),
    home,
  };
  terminal.note('starting the mesh (Ctrl-C stops it)');
  return runOuter({
    stateFolder: state.path,
    inner: [process.execPath, ...process.execArgv, join(import.meta.dirname, 'inside.ts'), JSON.stringify(inside)],
    publishAddress: options.publishAddress ?? '127.0.0.1',
    say: (line) => terminal.note(line),
    onReady: () => terminal.note(terminal.style('green', 'everything is ready')),
    signal: terminal.signal,
  });
}

/** Starts the same command without `-d` in a session of its own, and waits until its API answers. */
async function detach(state: StateFolder, options: UpOptions, terminal: Terminal): Promise<number> {
  const logPath = join(state.path, 'up.log');
  const log = openSync(logPath, 'a', 0o600);
  const args = process.argv.slice(1).filter((word) => word !== '-d' && word !== '--detach');
  const child = spawn(process.execPath, [...process.execArgv, ...args], { detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  const client = connect(options);
  for (let waited = 0; waited < patienceMs; waited += pollMs) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Failure('the mesh did not start', `see ${logPath}`);
    const answer = await client.get<VersionAnswer>('/v1/version').catch(() => undefined);
    if (answer !== undefined) {
      child.unref();
      terminal.line(`running in the background as process ${child.pid}; log in ${logPath}; lateen down ends it`);
      return exitCode.ok;
    }
    await sleep(pollMs, undefined, { signal: terminal.signal });
  }
  throw new Failure('the mesh does not answer yet', `see ${logPath}`);
}

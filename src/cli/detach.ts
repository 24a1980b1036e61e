// `lateen up -d`: starts the mesh in a session of its own and waits until everything in it runs, or says what does not.

import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StartAnswer } from '../control/api/contract.ts';
import { entranceText, notReadyText } from '../control/start-text.ts';
import type { StateFolder } from '../control/state-folder.ts';
import { connect } from './client.ts';
import { exitCode, Failure } from './failure.ts';
import type { Terminal } from './terminal.ts';
import type { UpOptions } from './verbs/up.ts';

/** The mesh itself gives up on stuck pods earlier. */
const patienceMs = 90_000;
const pollMs = 100;

export async function detach(state: StateFolder, options: UpOptions, terminal: Terminal): Promise<number> {
  const client = connect(options);
  // Its answers would be taken for those of the one that is started here.
  if (await client.get('/v1/version').catch(() => undefined))
    throw new Failure(
      `a mesh runs already with the state folder ${state.path}`,
      'change it with lateen apply, end it with lateen down, or name another folder with --state',
    );
  const logPath = join(state.path, 'up.log');
  const log = openSync(logPath, 'a', 0o600);
  const saidBefore = statSync(logPath).size;
  const main = join(import.meta.dirname, 'main.ts');
  const child = spawn(process.execPath, [...process.execArgv, main, ...foregroundWords(state, options)], {
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  try {
    const start = await started({
      ask: () => client.get<StartAnswer>('/v1/start').catch(() => undefined),
      alive: () => child.exitCode === null && child.signalCode === null,
      pause: () => sleep(pollMs, undefined, { signal: terminal.signal }),
      rounds: patienceMs / pollMs,
    });
    if (start === undefined) throw new Failure(`the mesh did not start${lastFailure(logPath, saidBefore)}`, `see ${logPath}`);
    child.unref();
    for (const url of start.entrances) terminal.line(entranceText(url));
    if (start.state === 'ready') terminal.note(terminal.style('green', 'everything is ready'));
    else terminal.note(notReadyText(start));
    terminal.line(`running in the background as process ${child.pid}; log in ${logPath}; lateen down ends it`);
    return exitCode.ok;
  } catch (error) {
    // Nobody wants a mesh that came up after its caller had given up.
    child.kill('SIGTERM');
    throw error;
  }
}

/** The command line of the same mesh in the foreground. */
export function foregroundWords(state: StateFolder, options: UpOptions): string[] {
  const { file = [], images, publishAddress, meshConfig, workloadCertTtl, delivery, records } = options;
  const given = {
    '--delivery': delivery,
    '--records': records,
    '--images': images,
    '--publish-address': publishAddress,
    '--mesh-config': meshConfig,
  };
  return [
    'up',
    '--state',
    state.path,
    ...file.flatMap((path) => ['--file', path]),
    ...Object.entries({ ...given, '--workload-cert-ttl': workloadCertTtl }).flatMap(([option, value]) =>
      value === undefined ? [] : [option, value],
    ),
  ];
}

export interface Start {
  /** How far it is; undefined while nobody answers. */
  readonly ask: () => Promise<StartAnswer | undefined>;
  readonly alive: () => boolean;
  readonly pause: () => Promise<unknown>;
  /** How often it is asked at most. */
  readonly rounds: number;
}

/** Waits until everything is ready or what is not will hardly be soon; undefined where the mesh ended, or never answered. */
export async function started({ ask, alive, pause, rounds }: Start): Promise<StartAnswer | undefined> {
  let latest: StartAnswer | undefined;
  for (let round = 0; round < rounds; round++) {
    if (!alive()) return undefined;
    latest = await ask();
    if (latest !== undefined && latest.state !== 'starting') return latest;
    await pause();
  }
  return latest;
}

/** Why it ended, in its own words; they stand behind those of earlier meshes. */
function lastFailure(logPath: string, from: number): string {
  const lines = readFileSync(logPath).subarray(from).toString('utf8').split('\n');
  const last = lines.findLast((line) => line.startsWith('lateen: '));
  return last === undefined ? '' : `: ${last.slice('lateen: '.length)}`;
}

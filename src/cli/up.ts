// The whole mesh on this machine: the outer half of `lateen up` holds the host's ports, the inner one runs everything else in a
// sandbox of its own; in the foreground, or in a process that detach.ts starts.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { usualLifetimes } from '../ca/issue.ts';
import { openStateFolder, stateFolder, type StateFolder } from '../control/state-folder.ts';
import { seconds } from '../lib/duration.ts';
import { detach } from './detach.ts';
import { Failure, usageFailure } from './failure.ts';
import type { Terminal } from './terminal.ts';
import type { UpOptions } from './verbs/up.ts';

/** Seconds. Shorter ones could run out while a busy machine renews them. */
const shortestCertificate = 10;
/** An Envoy under load sends about two hundred at once. */
const fewestRecords = 500;
const home = resolve(import.meta.dirname, '../..');

export async function up(options: UpOptions, terminal: Terminal): Promise<number> {
  const state = stateFolder(options.state, process.env);
  if (options.file?.includes('-') === true)
    throw usageFailure('standard input cannot be watched', 'write the manifests to a file and name it with -f');
  for (const path of [...(options.file ?? []), options.images, options.meshConfig])
    if (path !== undefined && !existsSync(path)) throw new Failure(`there is no ${path}`, 'correct the path');
  const ttl = options.workloadCertTtl;
  if (ttl !== undefined && !(seconds(ttl) >= shortestCertificate && seconds(ttl) <= usualLifetimes.longest))
    throw usageFailure(
      `${ttl} is no lifetime for certificates`,
      `give from ${shortestCertificate}s to ${usualLifetimes.longest / 3600}h`,
    );
  const records = /^\d{1,6}$/.test(options.records) ? Number(options.records) : Number.NaN;
  if (!(records === 0 || records >= fewestRecords))
    throw usageFailure(`--records ${options.records} is no number of records`, `give 0, or from ${fewestRecords} to 999999`);
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
    delivery: options.delivery,
    records: Number(options.records),
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

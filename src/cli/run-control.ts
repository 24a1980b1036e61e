// Runs a control plane until somebody ends it: what `lateen control` does, and the first half of `lateen up`.

import type { Delivery } from '../compile/configuration.ts';
import { ControlPlane, type ControlOptions } from '../control/control-plane.ts';
import { createLog, logLevels } from '../control/log.ts';
import { exitCode, usageFailure } from './failure.ts';
import type { Terminal } from './terminal.ts';

export interface RunControlOptions extends Pick<ControlOptions, 'state' | 'files' | 'meshConfig' | 'listen'> {
  readonly delivery: Delivery;
  readonly logLevel: string;
}

/** What runs beside a started control plane, such as the platform of `up`; closed before it. */
export type Beside = (control: ControlPlane, ended: AbortSignal) => Promise<AsyncDisposable>;

export async function runControl(options: RunControlOptions, terminal: Terminal, beside?: Beside): Promise<number> {
  const level = logLevels.find((known) => known === options.logLevel);
  if (level === undefined) throw usageFailure(`there is no log level ${options.logLevel}`, `use ${logLevels.join(', ')}`);
  const { createCompiler } = await import('../compile/compile.ts');
  const log = createLog({ level, pretty: process.stderr.isTTY });
  const stopped = new AbortController();
  const ended = AbortSignal.any([terminal.signal, stopped.signal]);
  await using control = new ControlPlane({
    ...options,
    compiler: (store) => createCompiler(store, options.delivery),
    log,
    stop: () => stopped.abort(),
  });
  await control.start();
  await using _beside = await beside?.(control, ended);
  if (!ended.aborted) await new Promise((resolve) => ended.addEventListener('abort', resolve));
  log.info('stopping');
  return exitCode.ok;
}

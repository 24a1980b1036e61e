// Asks Envoy whether it would start with a bootstrap: for one that somebody's patches have changed.

import { execFile } from 'node:child_process';

/** Milliseconds after which Envoy is not waited for. */
const patience = 10_000;

/** Why Envoy refuses a bootstrap, in its own words; undefined where it takes it. */
export const bootstrapRefusal = (envoy: string, file: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const words = ['--mode', 'validate', '--config-path', file, '--disable-hot-restart', '--log-level', 'critical'];
    execFile(envoy, words, { timeout: patience, maxBuffer: 1 << 20 }, (cause, stdout, stderr) => {
      if (cause === null) resolve(undefined);
      else resolve(lastLine(`${stdout}\n${stderr}`) || cause.message);
    });
  });

const lastLine = (text: string): string => (text.trim().split('\n').at(-1) ?? '').slice(0, 500);

// Starts a proxy behind programs that put it in its place (nsenter, setpriv, …). The usual `Spawn` of a platform.

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Spawn } from './envoy.ts';

/**
 * A `Spawn` that runs `prefix`, then the program. The prefix may change namespaces and user, and must `exec` what follows it.
 * The program is opened beforehand and run through that descriptor: Envoy lies in the home of whoever set Lateen up, where
 * the user that it runs as may not look. The environment of the prefix is a PATH, no more; the program has the given variables besides.
 */
export const spawnBehind =
  (prefix: readonly string[], environment: Readonly<Record<string, string>> = {}): Spawn =>
  ([program = '', ...words]) => {
    const file = openSync(program, 'r');
    try {
      const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
      const behind = variables.length === 0 ? prefix : [...prefix, '/usr/bin/env', ...variables];
      const [first, ...rest] = [...behind, '/proc/self/fd/3', ...words] as [string, ...string[]];
      const child = spawn(first, rest, {
        stdio: ['ignore', 'pipe', 'pipe', file],
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      });
      return child as ReturnType<Spawn>;
    } finally {
      closeSync(file);
    }
  };

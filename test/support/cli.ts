// Runs `bin/lateen` as a person would, for tests of whole commands.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const lateenPath = fileURLToPath(new URL('../../bin/lateen', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
}

/** Runs a command to its end. */
export async function lateen(args: readonly string[], { input = '', cwd }: RunOptions = {}): Promise<Ran> {
  const child = spawn(lateenPath, args, { stdio: ['pipe', 'pipe', 'pipe'], cwd, env: { ...process.env, NO_COLOR: '1' } });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

export interface Background extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly log: () => string;
  /** Waits for a line of its log. */
  said(pattern: RegExp): Promise<void>;
}

/** Starts a command that goes on; ends it by SIGTERM when disposed. */
export function lateenInBackground(args: readonly string[]): Background {
  const child = spawn(lateenPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  let heard: () => void = () => {};
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
    heard();
  });
  const ended = once(child, 'close').then(() => heard());
  return {
    child,
    log: () => log,
    async said(pattern) {
      while (!pattern.test(log)) {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${log}`);
        await new Promise<void>((resolve) => (heard = resolve));
      }
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

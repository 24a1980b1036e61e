// Runs a system program to its end: words in, exit code and bounded output back. Used wherever local/ changes namespaces.

import { spawn } from 'node:child_process';
import type { Ran } from '../node/redirect/apply.ts';
import { LocalError } from './local-error.ts';

const outputLimit = 64 * 1024;

export interface RunOptions {
  readonly input?: string | undefined;
  /** Ends the program by SIGKILL. */
  readonly timeoutMs?: number | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** What the command is for, in messages; its first words where nothing is said. */
  readonly purpose?: string | undefined;
}

/** Resolves with code 127 where the program could not be started, and 124 where it ran out of time. */
export function run(argv: readonly string[], { input = '', timeoutMs, env }: RunOptions = {}): Promise<Ran> {
  const [program = '', ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'pipe', ...(env && { env }) });
    let late = false;
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => ((late = true), child.kill('SIGKILL')), timeoutMs);
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] = (output[name] + text).slice(0, outputLimit);
      });
    }
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve({ code: 127, stdout: '', stderr: error.message });
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code: late ? 124 : (code ?? 128), ...output });
    });
    // A program that ends without reading all of its input is no error of ours.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** The same, where anything but success is an error. */
export async function demand(argv: readonly string[], options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options);
  if (code === 0) return stdout;
  throw new LocalError(
    'LAT2015',
    `${options?.purpose ?? argv.slice(0, 8).join(' ')} failed with code ${code}: ${stderr.trim().slice(0, 1000)}`,
    'a limit of this machine, or a fault of lateen: report it with this line',
  );
}

// Processes of the machine as benchmarks see them from outside the sandbox: which are in a pod, since when, and their CPU time.

import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** The one process of a program in a network namespace (`net:[…]`); throws where there is none or more. */
export function processIn(network: string, program: string): number {
  const found = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => link(`/proc/${pid}/ns/net`) === network && basename(link(`/proc/${pid}/exe`)) === program);
  const [pid] = found;
  if (pid === undefined || found.length > 1)
    throw new Error(`${found.length} processes of ${program} are in ${network}, not one`);
  return Number(pid);
}

/** When a process began, in milliseconds since 1970; the kernel keeps hundredths of a second. */
export function beganAt(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  const bootedAgo = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * 1000;
  return Date.now() - bootedAgo + ticks * 10;
}

/** Nanoseconds that all threads of a process have run. */
export function cpuTime(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`))
    sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
  return sum;
}

/** Keeps all threads of a process on one core. */
export function pin(pid: number, core: number): void {
  execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** The cores that this process may use. */
export function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** Why the measured and their load cannot have a core each; undefined when they can. */
export function whyNoTwoCores(): string | undefined {
  if (allowedCores().length < 2) return 'one core only: the load cannot have a core of its own';
  if (spawnSync('taskset', ['--version']).error !== undefined) return 'taskset is not installed (package util-linux)';
  return undefined;
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // It has ended, or is the kernel's or another user's.
    return '';
  }
}

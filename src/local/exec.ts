// How a command on the host gets into a pod: words for nsenter, which the CLI runs with the person's terminal. Works in both modes.

import type { Pod } from './pod.ts';
import { confined } from './process.ts';
import type { Tools } from './tools.ts';

/** A command to start on the host, without a shell. */
export interface HostCommand {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface ExecTarget {
  readonly tools: Tools;
  readonly root: boolean;
  readonly initPid: number;
}

/**
 * Runs `argv` beside a container: in its pod's network, with its files, environment and user, and no more rights than it has.
 * The command's first step enters the sandbox, its second the pod.
 */
export function execCommand(
  { tools, root, initPid }: ExecTarget,
  pod: Pod,
  container: string,
  argv: readonly string[],
): HostCommand {
  // Where a user namespace is part of the sandbox, its rights come with entering it.
  const user = root ? [] : ['--user', '--preserve-credentials'];
  return {
    argv: [
      tools.nsenter,
      '--target',
      String(initPid),
      ...user,
      '--mount',
      '--pid',
      '--net',
      '--',
      ...pod.enterContainer(container),
      // Who is told to end is the first step; the program, which is a child of its, must not outlive it.
      ...confined(tools, pod.programs.userOf(container), argv, ['--pdeathsig', 'TERM']),
    ],
    env: pod.programs.environment(container),
  };
}

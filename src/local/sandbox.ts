// The outer half of the sandbox: starts this program again inside network, mount and pid namespaces of its own. Used by outer.ts.

import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from './command.ts';
import { LocalError } from './local-error.ts';
import type { Tools } from './tools.ts';

/** As root real users and namespaces; else the same within one user namespace, whose only user is this one. */
const namespaceFlags = (root: boolean): string[] => [
  ...(root ? [] : ['--user', '--map-root-user']),
  '--net',
  '--mount',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
];

/** Fails with what to do where the kernel or the container around us forbids it. */
export async function probeNamespaces(tools: Tools, root: boolean): Promise<void> {
  const { code, stderr } = await run([tools.unshare, ...namespaceFlags(root), '--', 'true']);
  if (code === 0) return;
  throw new LocalError('LAT2012', `this machine gives no namespaces: ${stderr.trim()}`, adviceFor(root, readSetting));
}

/** What to do, from what the kernel's settings say. */
export function adviceFor(root: boolean, setting: (name: string) => string | undefined): string {
  if (root) return 'this container lacks CAP_SYS_ADMIN: run it with --privileged, or as an ordinary user with user namespaces';
  if (setting('kernel/apparmor_restrict_unprivileged_userns') === '1')
    return 'run as root, or allow it: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0';
  if (setting('kernel/unprivileged_userns_clone') === '0')
    return 'run as root, or allow it: sudo sysctl kernel.unprivileged_userns_clone=1';
  if (setting('user/max_user_namespaces') === '0') return 'run as root, or allow it: sudo sysctl user.max_user_namespaces=15000';
  return 'run as root; in a container, one with CAP_SYS_ADMIN or without a seccomp profile';
}

function readSetting(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

export interface SandboxProcess {
  /** Its IPC channel reaches the inner process. */
  readonly child: ChildProcess;
  /** The sandbox's first process by the host's count: entering its namespaces enters the sandbox. */
  readonly initPid: number;
}

/** Runs the inner process and waits for it. A shell is the first process, since it reaps what daemons leave behind. */
const initScript = '"$@"; exit $?';

export async function startSandbox(tools: Tools, root: boolean, argv: readonly string[]): Promise<SandboxProcess> {
  const child = spawn(
    tools.setpriv,
    // The kernel ends the sandbox when this process ends, however it ends.
    ['--pdeathsig', 'KILL', '--', tools.unshare, ...namespaceFlags(root), '--', tools.sh, '-c', initScript, 'sh', ...argv],
    // A session of its own: Ctrl-C reaches the outer process alone, which asks for a graceful end.
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true },
  );
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new LocalError('LAT2013', `the sandbox ended with code ${code} as it started`, 'see the lines above')),
    );
  });
  const initPid = await Promise.race([failed, childOf(child)]);
  failed.catch(() => {});
  return { child, initPid };
}

async function childOf({ pid }: ChildProcess): Promise<number> {
  for (;;) {
    const found =
      pid === undefined
        ? undefined
        : readdirSync('/proc')
            .map(Number)
            .find((each) => parentOf(each) === pid);
    if (found !== undefined) return found;
    await delay(5);
  }
}

function parentOf(pid: number): number | undefined {
  if (!Number.isInteger(pid)) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

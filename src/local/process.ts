// One run of a container: a process group in the pod's namespaces, with its mounts, user and output. Started again by container.ts.

import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { LogFile } from './log-file.ts';
import type { PodNamespace } from './pod-namespace.ts';
import type { Tools } from './tools.ts';
import type { Mount } from './volumes.ts';

/**
 * Mounts the volumes, then becomes the program. Descriptor 3 takes the numbers of mounts that failed. A mount point that is not
 * there is made in an overlay over its nearest parent, so that the machine's own files stay as they are; `/` cannot have one.
 * What is mounted below that parent already, such as the pod's own /etc/resolv.conf, is mounted over the overlay again.
 */
const startScript = `
path=$PATH; PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
place() {
  [ -e "$2" ] && return 0
  top=$2
  while [ ! -d "$top" ]; do top=\${top%/*}; [ -n "$top" ] || return 1; done
  case $top in *[,:]*) return 1;; esac
  mkdir -p "$3/upper" "$3/work" "$3/below" && chmod 755 "$3/upper" || return 1
  mount -n --rbind "$top" "$3/below" || return 1
  mount -n -t overlay overlay -o "lowerdir=$top,upperdir=$3/upper,workdir=$3/work" "$top" || return 1
  while read -r _ _ _ _ point _; do
    case $point in "$3/below/"*) mount -n --bind "$point" "$top/\${point#"$3/below/"}";; esac
  done < /proc/self/mountinfo
  umount -n -l "$3/below"
  if [ -d "$1" ]; then mkdir -p "$2"; else mkdir -p "\${2%/*}" && : > "$2"; fi
}
n=$1; shift
while [ "$n" -gt 0 ]; do
  if place "$2" "$3" "$5" && mount -n --bind "$2" "$3"; then
    [ "$4" = rw ] || mount -n -o remount,bind,ro "$3" || :
  else
    echo "$1" >&3
  fi
  shift 5; n=$((n-1))
done
exec 3>&-
PATH=$path
cd -- "$1" || exit 126
shift
exec "$@"
`;

/** A container is to change neither the capture rules of its pod nor marks on its sockets, nor reach beyond the sandbox. */
const withheld = [
  'sys_admin',
  'net_admin',
  'net_raw',
  'sys_module',
  'sys_boot',
  'sys_time',
  'sys_ptrace',
  'sys_rawio',
  'mknod',
  'bpf',
];

export interface RunSpec {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  readonly mounts: readonly Mount[];
  /** A folder of the pod's for overlays under mount points. */
  readonly scratch: string;
}

export interface Ended {
  readonly exitCode: number;
  readonly signal: string | undefined;
}

/** How a command becomes one inside the pod that runs with a container's user and few rights; `more` are further words for setpriv. */
export const confined = (
  tools: Tools,
  user: RunSpec['user'],
  argv: readonly string[],
  more: readonly string[] = [],
): string[] => [
  tools.setpriv,
  '--no-new-privs',
  `--bounding-set=${withheld.map((name) => `-${name}`).join(',')}`,
  ...(user === undefined ? [] : ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups']),
  ...more,
  '--',
  ...argv,
];

export class ContainerProcess {
  readonly #child: ChildProcess;
  /** Resolves when the process has ended and its output is in the log. */
  readonly ended: Promise<Ended>;
  /** Resolves when the volumes are mounted and the program takes over: to the `index` of each mount that could not be made. */
  readonly begun: Promise<readonly number[]>;

  constructor(tools: Tools, pod: PodNamespace, spec: RunSpec, log: LogFile) {
    const { argv, env, workingDir, user, mounts, scratch } = spec;
    const steps = mounts.flatMap(({ index, source, target, readOnly }) => [
      String(index),
      source,
      target,
      readOnly ? 'ro' : 'rw',
      `${scratch}/${index}`,
    ]);
    const own = mounts.length === 0 ? [] : [tools.unshare, '--mount', '--'];
    const start = [
      tools.sh,
      '-c',
      startScript,
      'sh',
      String(mounts.length),
      ...steps,
      workingDir,
      ...confined(tools, user, argv),
    ];
    const [program = '', ...args] = [...pod.enter(), ...own, ...start];
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe', 'pipe'], detached: true });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Uint8Array) => log.write(chunk));
    this.begun = numbers(child.stdio[3] as Readable | null);
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => {
        log.write(`${error.message}\n`);
        resolve({ exitCode: 127, signal: undefined });
      });
      // `exit`, not `close`: a grandchild that keeps the pipes open must not keep the container from being over.
      child.once('exit', (code, signal) =>
        setImmediate(() => resolve({ exitCode: code ?? 128 + signalNumber(signal), signal: signal ?? undefined })),
      );
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Signals the whole process group. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // Everyone in it has ended.
    }
  }
}

async function numbers(stream: Readable | null): Promise<readonly number[]> {
  let text = '';
  try {
    for await (const chunk of stream ?? []) text = (text + String(chunk)).slice(0, 4096);
  } catch {
    // A process that could not be started has made no mounts either.
  }
  return text.split('\n').filter(Boolean).map(Number);
}

const signalNumber = (signal: string | null): number => (signal === 'SIGKILL' ? 9 : signal === 'SIGTERM' ? 15 : 0);

// The folder that a running mesh keeps: who runs, its sockets and logs. Tells a mesh that runs from what a killed one left.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LocalError } from './local-error.ts';

export interface StateFolder {
  readonly path: string;
  /** Sockets between the host and the sandbox; emptied at every start. */
  readonly run: string;
  readonly logs: string;
}

export interface Instance {
  /** The process on the host that holds the ports. */
  readonly pid: number;
  /** In clock ticks since boot: tells it from a later process with the same pid. */
  readonly startTime: string;
}

/** A Unix socket's path has room for 107 bytes; the sockets' own names need some of it. */
const longestRunFolder = 80;

export function stateFolder(path: string): StateFolder {
  const run = join(path, 'run');
  if (Buffer.byteLength(run) > longestRunFolder)
    throw new LocalError(
      'LAT0901',
      `${run} is too long a path for sockets`,
      `choose a state folder of at most ${longestRunFolder - 4} bytes`,
    );
  return { path, run, logs: join(path, 'logs') };
}

const lockOf = ({ path }: StateFolder): string => join(path, 'lateen.pid');

/** The mesh that runs on this folder; `stale` where one did and was killed. */
export function instanceOf(folder: StateFolder): Instance | 'stale' | undefined {
  let text: string;
  try {
    text = readFileSync(lockOf(folder), 'utf8');
  } catch {
    return undefined;
  }
  const [first, startTime = ''] = text.trim().split(' ');
  const pid = Number(first);
  return Number.isInteger(pid) && startTime !== '' && startTimeOf(pid) === startTime ? { pid, startTime } : 'stale';
}

/** Takes the folder for this process, cleaning what a killed one left, or says who has it. */
export function takeStateFolder(folder: StateFolder, say: (line: string) => void): Disposable {
  try {
    mkdirSync(folder.path, { recursive: true, mode: 0o700 });
    clean(folder, say);
    // `wx` makes two starts at once a matter of who is first.
    writeFileSync(lockOf(folder), `${process.pid} ${startTimeOf(process.pid) ?? ''}\n`, { flag: 'wx', mode: 0o600 });
    // Envoy, as its own user, passes through to its socket: it may not list what is here.
    mkdirSync(folder.run, { recursive: true, mode: 0o711 });
    mkdirSync(folder.logs, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (error instanceof LocalError) throw error;
    throw new LocalError('LAT0901', `cannot use ${folder.path}: ${(error as Error).message}`, 'choose another with --state', {
      cause: error,
    });
  }
  return { [Symbol.dispose]: () => remove(folder) };
}

/** Removes what a killed mesh left; the kernel has ended its processes and namespaces already. Says so in a line. */
export function clean(folder: StateFolder, say: (line: string) => void): void {
  const instance = instanceOf(folder);
  if (instance === undefined && !existsSync(folder.run)) return;
  if (instance !== undefined && instance !== 'stale')
    throw new LocalError(
      'LAT2014',
      `a mesh runs on ${folder.path} already, as process ${instance.pid}`,
      'end it with lateen down',
    );
  if (instance === 'stale') say(`a mesh on ${folder.path} was killed before; what it left is removed`);
  remove(folder);
}

function remove(folder: StateFolder): void {
  rmSync(folder.run, { recursive: true, force: true });
  rmSync(lockOf(folder), { force: true });
}

/** When a process started, in clock ticks since boot; undefined where there is none with that pid. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, can hold anything; the fields after it cannot. Start time is field 22, state is field 3.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

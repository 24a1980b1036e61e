// The process of `lateen up` inside the sandbox: brings its files and network up and hands them to the assembly, which runs the mesh.

import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import type { PublishedPort } from './controllers/published-services.ts';
import { demand } from './command.ts';
import type { SampleHome } from './images.ts';
import { LocalError } from './local-error.ts';
import type { ToInner, ToOuter } from './messages.ts';
import { Network } from './network.ts';
import { relaySocket } from './outer.ts';
import type { HostPort } from './published-ports.ts';
import { relayServer } from './relay.ts';
import { stateFolder, type StateFolder } from './state-folder.ts';
import { findTools, type Tools } from './tools.ts';

export interface SandboxOptions {
  readonly stateFolder: string;
  /** The folder of this checkout: containers that run samples, perhaps as another user, see it inside the sandbox. */
  readonly home: string;
}

/** The inside of the sandbox, ready for pods. */
export interface Sandbox extends AsyncDisposable {
  readonly tools: Tools;
  readonly network: Network;
  readonly folder: StateFolder;
  /** Uids are real: capture rules can tell Envoy by its user. */
  readonly root: boolean;
  /** A folder in memory that only the sandbox sees. */
  readonly memory: string;
  readonly samples: SampleHome;
  /** The sandbox's first process by the host's count. */
  readonly initPid: number;
  /** Aborted when the mesh is to end. */
  readonly stopping: AbortSignal;
  /** Asks the host to offer these services. */
  publish(ports: readonly PublishedPort[]): void;
  /** What the host offers now. */
  published(): readonly HostPort[];
  /** Tells the outer process that the start is over. */
  ready(): void;
}

const memory = '/run/lateen';

/**
 * Puts memory over /run: pods' files vanish with the sandbox, and sockets of the host's own services (name caches, resolvers)
 * are out of pods' sight. What programs or a state folder may need from there is bound back.
 */
const filesScript = `
new=$1; state=$2; home=$3; resolv=$4; shift 4
mount -n -t tmpfs -o mode=755 tmpfs "$new" || exit 1
for entry in current-system wrappers opengl-driver user media host; do
  if [ -L "/run/$entry" ]; then cp -P "/run/$entry" "$new/$entry"
  elif [ -d "/run/$entry" ]; then mkdir -p "$new/$entry" && mount -n --rbind "/run/$entry" "$new/$entry"; fi
done
case $state in /run/*) [ -d "$new/\${state#/run/}" ] || { mkdir -p "$new/\${state#/run/}" && mount -n --rbind "$state" "$new/\${state#/run/}"; };; esac
case $resolv in /run/*) mkdir -p "$new/$(dirname "\${resolv#/run/}")" && cat "$resolv" > "$new/\${resolv#/run/}";; esac
mkdir -p "$new/lateen/pods" "$new/lateen/home" && chmod 755 "$new/lateen" "$new/lateen/pods"
mount -n --rbind "$home" "$new/lateen/home" || exit 1
mount -n --move "$new" /run
`;

export async function enterSandbox(options: SandboxOptions): Promise<Sandbox> {
  const stopping = new AbortController();
  let hostPorts: readonly HostPort[] = [];
  const hello = Promise.withResolvers<number>();
  process.on('message', (message: ToInner) => {
    if (message.is === 'hello') hello.resolve(message.initPid);
    else if (message.is === 'published') hostPorts = message.ports;
    else stopping.abort();
  });
  // The outer process is gone: without it nobody holds the ports, and nobody would end this.
  process.on('disconnect', () => process.exit(1));
  // Only the outer process decides; a stray signal to the sandbox is not an end.
  process.on('SIGINT', () => {}).on('SIGTERM', () => stopping.abort());
  if (process.send === undefined)
    throw new LocalError('LAT2013', 'this process was not started by lateen up', 'run lateen up instead');

  const initPid = await hello.promise;
  const folder = stateFolder(options.stateFolder);
  const tools = findTools(process.env['PATH'] ?? '');
  const root = hasRealUsers();
  await prepareFiles(tools, folder, options.home);
  const network = new Network(tools);
  await network.start();
  const targets = new Map<string, PublishedPort>();
  const relay = relayServer((name) => targets.get(name));
  relay.listen(relaySocket(folder.run));

  const tell = (message: ToOuter): void => {
    if (process.connected) process.send?.(message);
  };
  return {
    tools,
    network,
    folder,
    root,
    memory,
    samples: { node: inHome(process.execPath, options.home), programs: `${memory}/home/samples/programs` },
    initPid,
    stopping: stopping.signal,
    publish(ports) {
      targets.clear();
      for (const port of ports) targets.set(port.name, port);
      tell({ is: 'publish', ports });
    },
    published: () => hostPorts,
    ready: () => tell({ is: 'ready' }),
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => relay.close(resolve));
    },
  };
}

async function prepareFiles(tools: Tools, { path, run }: StateFolder, home: string): Promise<void> {
  const mountPoint = `${run}/mnt`;
  mkdirSync(mountPoint, { recursive: true });
  const resolv = existsSync('/etc/resolv.conf') ? realpathSync('/etc/resolv.conf') : '';
  await demand([tools.sh, '-c', filesScript, 'sh', mountPoint, realpathSync(path), home, resolv], {
    purpose: 'making the sandbox’s files',
  });
}

const inHome = (program: string, home: string): string =>
  program.startsWith(`${home}/`) ? `${memory}/home${program.slice(home.length)}` : program;

/** Inside a user namespace that maps one user, every other uid is unknown. */
function hasRealUsers(): boolean {
  try {
    const [, , count] = readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/);
    return Number(count) > 1337;
  } catch {
    return true;
  }
}

// The process of `lateen up` on the host: starts the sandbox, holds the host's ports for it, and ends it. Everything else is inner.ts.

import { once } from 'node:events';
import { join } from 'node:path';
import { LocalError } from './local-error.ts';
import type { ToInner, ToOuter } from './messages.ts';
import { PublishedPorts } from './published-ports.ts';
import { probeNamespaces, startSandbox } from './sandbox.ts';
import { clean, instanceOf, stateFolder, takeStateFolder } from './state-folder.ts';
import { findTools } from './tools.ts';

export interface OuterOptions {
  /** The folder for sockets and logs. */
  readonly stateFolder: string;
  /** The words that start this program again, as the inner process; they reach it through no shell. */
  readonly inner: readonly string[];
  /** Where published ports listen: `127.0.0.1` unless a person says otherwise. */
  readonly publishAddress: string;
  /** Takes lines for a person. */
  readonly say: (line: string) => void;
  /**
   * Ends the mesh gracefully. Without it SIGINT and SIGTERM do so, and a second one ends it at once; whoever gives it listens
   * to those itself, or one signal would count as two.
   */
  readonly signal?: AbortSignal;
  /** Told once, when all that was asked for at the start is up. */
  readonly onReady?: () => void;
}

/** A graceful end that takes longer than this is no end. */
const longestStopMs = 60_000;

/** Runs until the mesh has ended; resolves to its exit code. */
export async function runOuter(options: OuterOptions): Promise<number> {
  const { say, inner, publishAddress, signal, onReady } = options;
  const root = process.getuid?.() === 0;
  const tools = findTools(process.env['PATH'] ?? '');
  await probeNamespaces(tools, root);
  const folder = stateFolder(options.stateFolder);
  using _held = takeStateFolder(folder, say);
  const { child, initPid } = await startSandbox(tools, root, inner);
  await using ports = new PublishedPorts(publishAddress, relaySocket(folder.run), say);

  const tell = (message: ToInner): void => {
    if (child.connected) child.send(message, () => {});
  };
  child.on('message', (message: ToOuter) => {
    if (message.is === 'ready') onReady?.();
    else void ports.set(message.ports).then((published) => tell({ is: 'published', ports: published }));
  });
  let stops = 0;
  // The channel's other end closes with it, and the inner process takes that as the end; the kernel does the rest.
  const kill = () => void child.kill('SIGKILL');
  let late: NodeJS.Timeout | undefined;
  const stop = (): void => {
    if (++stops > 1) return kill();
    tell({ is: 'stop' });
    late = setTimeout(kill, longestStopMs);
  };
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const signals: readonly NodeJS.Signals[] = signal === undefined ? ['SIGINT', 'SIGTERM', 'SIGHUP'] : ['SIGHUP'];
  for (const each of signals) process.on(each, stop);
  signal?.addEventListener('abort', stop);
  try {
    tell({ is: 'hello', initPid });
    if (signal?.aborted === true) stop();
    const [code] = await ended;
    if (stops === 0 && code !== 0)
      say(`the mesh has ended by itself (code ${code}): the lines above may say why; lateen up starts it again as it was`);
    return code ?? (stops > 0 ? 0 : 1);
  } finally {
    clearTimeout(late);
    signal?.removeEventListener('abort', stop);
    for (const each of signals) process.off(each, stop);
  }
}

export const relaySocket = (runFolder: string): string => join(runFolder, 'relay.sock');

/** Ends the mesh that runs on a folder and waits for it, or cleans up after one that was killed. Resolves to what there was. */
export async function runDown(path: string, say: (line: string) => void): Promise<'ended' | 'cleaned' | 'nothing'> {
  const folder = stateFolder(path);
  const instance = instanceOf(folder);
  if (instance === undefined) return 'nothing';
  if (instance === 'stale') {
    clean(folder, say);
    return 'cleaned';
  }
  process.kill(instance.pid, 'SIGTERM');
  for (let waited = 0; waited < longestStopMs + 5000; waited += 50) {
    if (instanceOf(folder) === undefined) return 'ended';
    if (instanceOf(folder) === 'stale') {
      clean(folder, say);
      return 'cleaned';
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new LocalError('LAT2014', `process ${instance.pid} does not end`, `kill -9 ${instance.pid}, then lateen down again`);
}

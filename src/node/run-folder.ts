// A workload's run folder: its two sockets and its bootstrap, for its Envoy's user and nobody else's eyes.

import { chmod, lchown, lstat, mkdir, rmdir, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { NodeError } from './node-error.ts';

/** The user that Envoy runs as, where it is not this process's. Giving files away needs root. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** `sun_path` of Linux has 108 bytes, and the last is a zero. */
const longestSocketPath = 107;

const names = { agentSocket: 'agent.sock', adminSocket: 'admin.sock', bootstrapFile: 'bootstrap.json' } as const;

export class RunFolder {
  readonly path: string;
  readonly agentSocket: string;
  readonly adminSocket: string;
  readonly bootstrapFile: string;
  readonly #owner: Owner | undefined;

  private constructor(path: string, owner: Owner | undefined) {
    this.path = path;
    this.agentSocket = join(path, names.agentSocket);
    this.adminSocket = join(path, names.adminSocket);
    this.bootstrapFile = join(path, names.bootstrapFile);
    this.#owner = owner;
  }

  /**
   * Makes the folder, or takes over one that an earlier run left: our files in it go, it is private to this process until
   * `handOver`. Throws NodeError for a path that is too long for sockets, no folder, or out of the owner's reach.
   */
  static async open(path: string, owner?: Owner): Promise<RunFolder> {
    checkSocketPath(join(path, names.adminSocket));
    const folder = new RunFolder(path, owner);
    try {
      await mkdir(path, { recursive: true, mode: 0o700 });
      const found = await lstat(path);
      if (!found.isDirectory()) throw new Error('it is a link or a file');
      if (owner !== undefined) await lchown(path, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
      await chmod(path, 0o700);
      await folder.#empty();
      if (owner !== undefined) await checkReach(path, owner);
    } catch (cause) {
      throw unusable(path, cause);
    }
    return folder;
  }

  /** Writes the bootstrap, while the folder is this process's alone. */
  async writeBootstrap(text: string): Promise<void> {
    try {
      await writeFile(this.bootstrapFile, text, { mode: 0o600 });
    } catch (cause) {
      throw unusable(this.path, cause);
    }
  }

  /** Gives sockets, bootstrap and folder to Envoy's user, the folder last: until then nobody could exchange a file. */
  async handOver(): Promise<void> {
    try {
      await chmod(this.agentSocket, 0o600);
      if (this.#owner === undefined) return;
      const { uid, gid } = this.#owner;
      for (const path of [this.agentSocket, this.bootstrapFile, this.path]) await lchown(path, uid, gid);
    } catch (cause) {
      throw unusable(this.path, cause);
    }
  }

  /** Removes our files, and the folder if nothing else is in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#empty();
    await rmdir(this.path).catch(() => {});
  }

  async #empty(): Promise<void> {
    for (const name of Object.values(names)) {
      await unlink(join(this.path, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    }
  }
}

/** Throws where Linux would cut the path or refuse it. */
function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (isAbsolute(path) && length <= longestSocketPath) return;
  const what = isAbsolute(path) ? `has ${length} bytes, and Linux takes ${longestSocketPath}` : 'is not absolute';
  throw new NodeError(
    'LAT0804',
    `the socket path ${path} ${what}`,
    'choose a run folder with a shorter absolute path, such as /run/lateen',
  );
}

/** Envoy must be able to pass through every folder above its own. */
async function checkReach(path: string, owner: Owner): Promise<void> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const { mode, uid, gid } = await stat(folder);
    const needed = uid === owner.uid ? 0o100 : gid === owner.gid ? 0o010 : 0o001;
    if ((mode & needed) === 0) throw new Error(`user ${owner.uid}, which Envoy runs as, cannot pass through ${folder}`);
    if (folder === '/') return;
  }
}

function unusable(path: string, cause: unknown): NodeError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NodeError(
    'LAT0805',
    `the run folder ${path} cannot be used: ${reason}`,
    'choose a run folder such as /run/lateen/NAME',
    { cause },
  );
}

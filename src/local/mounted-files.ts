// Opens a file by the path that a pod's containers see it under, out of the pod's volumes and nothing else. For its proxy's secrets.

import { constants } from 'node:fs';
import { type FileHandle, open, readlink } from 'node:fs/promises';
import { normalize } from 'node:path';
import { getSystemErrorMessage } from 'node:util';
import type { OpenFile } from '../node/identity/secret-file.ts';

/** A volume where a pod's programs see it. */
export interface MountedFolder {
  /** An absolute path in the pod. */
  readonly target: string;
  /** The volume's folder in the sandbox. */
  readonly folder: string;
  /** The part of the volume that is mounted; empty for all of it. */
  readonly subPath: string;
}

/** As many as the kernel follows. */
const mostLinks = 40;
const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/**
 * Whoever may write a DestinationRule chooses the paths, and this process may read more than the pod: so a path leads into a
 * volume or nowhere. Folders are opened one from the other and links are read here, never followed by the kernel: a program
 * that writes into its volume cannot lead out of it, not even by changing a folder into a link meanwhile.
 */
export function mountedFiles(mounts: readonly MountedFolder[]): OpenFile {
  const innermostFirst = mounts.toSorted((a, b) => b.target.length - a.target.length);
  return async (path) => {
    let at = path;
    for (let links = 0; links <= mostLinks; links++) {
      const found = await walk(innermostFirst, normalize(at)).catch((error: unknown) => {
        throw withoutPath(error);
      });
      if (typeof found !== 'string') return found;
      at = found;
    }
    throw new Error('too many links');
  };
}

/** The file, or the path to go on with where there is a link on the way. */
async function walk(mounts: readonly MountedFolder[], path: string): Promise<FileHandle | string> {
  const mount = mounts.find(({ target }) => path === target || path.startsWith(target === '/' ? target : `${target}/`));
  if (mount === undefined) throw new Error('no volume of the pod is mounted there');
  const { folder, target, subPath } = mount;
  const hidden = words(normalize(`/${subPath}`));
  const steps = [...hidden, ...words(path.slice(target.length))];
  let here = await open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  let found = false;
  try {
    for (const [index, step] of steps.entries()) {
      const next = `/proc/self/fd/${here.fd}/${step}`;
      const link = await linkAt(next);
      if (link !== undefined) {
        // What the pod does not see of the volume has no path that the link could go on from.
        if (index < hidden.length) throw new Error('its subPath leads through a link');
        const parent = [target, ...steps.slice(hidden.length, index)].join('/');
        return [link.startsWith('/') ? link : `${parent}/${link}`, ...steps.slice(index + 1)].join('/');
      }
      // Without O_NONBLOCK a named pipe would wait for its writer.
      const left = here;
      here = await open(next, O_RDONLY | O_NOFOLLOW | (index === steps.length - 1 ? O_NONBLOCK : O_DIRECTORY));
      await left.close();
    }
    found = true;
    return here;
  } finally {
    if (!found) await here.close();
  }
}

/** Where a link leads; undefined for what is none. */
async function linkAt(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return undefined;
    throw error;
  }
}

const words = (path: string): string[] => path.split('/').filter((word) => word !== '');

/** The paths in the system's errors are of this process's own descriptors: they say nothing to anybody. */
function withoutPath(error: unknown): unknown {
  const { errno } = error as NodeJS.ErrnoException;
  return errno === undefined ? error : new Error(getSystemErrorMessage(errno), { cause: error });
}

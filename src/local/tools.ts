// The system programs that namespaces and networks are made with: found once, by absolute path, or a message that says what to install.

import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { LocalError } from './local-error.ts';

const packages = {
  ip: 'iproute2',
  nft: 'nftables',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
  sh: 'dash',
} as const;

type Tool = keyof typeof packages;
export type Tools = Readonly<Record<Tool, string>>;

/** Users' paths often lack the folders where these live. */
const systemFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** The first executable of that name; undefined where there is none. A name with a slash is looked up from `cwd`. */
export function findProgram(name: string, path: string, cwd = '/'): string | undefined {
  const places = name.includes('/')
    ? [isAbsolute(name) ? name : join(cwd, name)]
    : path.split(delimiter).map((folder) => join(folder, name));
  return places.find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return statSync(place).isFile();
    } catch {
      return false;
    }
  });
}

export function findTools(path: string): Tools {
  const wide = [...path.split(delimiter), ...systemFolders].join(delimiter);
  const found = Object.keys(packages).map((name) => [name, findProgram(name, wide)] as const);
  const missing = found.filter(([, place]) => place === undefined).map(([name]) => name as Tool);
  if (missing.length > 0) {
    const wanted = [...new Set(missing.map((name) => packages[name]))].join(' ');
    throw new LocalError('LAT2011', `${missing.join(', ')}: not found`, `apt-get install ${wanted}`);
  }
  return Object.fromEntries(found) as Tools;
}

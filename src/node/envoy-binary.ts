// Finds stock Envoy of the version that Lateen's configuration is made for. First step of starting a proxy.

import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { NodeError } from './node-error.ts';

export const envoyVersion = '1.40.0';

export interface EnvoySearch {
  /** Use this binary and no other; it must be of the right version. */
  readonly path?: string;
  /** Folders to look in, as in PATH; default: this process's. */
  readonly searchPath?: string;
  /** The folder where set-up keeps its Envoy; default: `lateen/envoy/VERSION` in the user's cache. */
  readonly cacheFolder?: string;
}

/** The path of an Envoy that runs here and has the right version. Throws NodeError that says what was found instead. */
export async function findEnvoy(search: EnvoySearch = {}): Promise<string> {
  if (search.path !== undefined) {
    const found = await versionOf(search.path);
    if (found === envoyVersion) return search.path;
    throw unsuitable(search.path, found);
  }
  const { searchPath = process.env['PATH'] ?? '', cacheFolder = defaultCache() } = search;
  const cached = join(cacheFolder, 'envoy');
  const onPath = searchPath.split(delimiter).filter((folder) => folder.startsWith('/'));
  const others: string[] = [];
  for (const binary of [...onPath.map((folder) => join(folder, 'envoy')), cached]) {
    if (!(await isExecutable(binary))) continue;
    const found = await versionOf(binary);
    if (found === envoyVersion) return binary;
    others.push(`${binary} is ${found ?? 'not an Envoy that runs here'}`);
  }
  const seen = others.length === 0 ? '' : `: ${others.join(', ')}`;
  throw new NodeError(
    'LAT0801',
    `no Envoy ${envoyVersion} on PATH or at ${cached}${seen}`,
    'run `npm run setup`, or put one on PATH',
  );
}

/** The version that a binary prints; undefined if it does not run, or is something else. */
async function versionOf(binary: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(binary, ['--version'], { timeout: 10_000, maxBuffer: 64 * 1024 }, (error, stdout) => {
      resolve(error === null ? /\/(\d+\.\d+\.\d+)[/-]/.exec(stdout)?.[1] : undefined);
    });
  });
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const defaultCache = (): string =>
  join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'lateen', 'envoy', envoyVersion);

function unsuitable(path: string, found: string | undefined): NodeError {
  const help = `give the path of an Envoy ${envoyVersion}, or none to have it found`;
  if (found === undefined) return new NodeError('LAT0801', `${path} is not an Envoy that runs here`, help);
  return new NodeError('LAT0802', `${path} is Envoy ${found}, and configuration is made for ${envoyVersion}`, help);
}

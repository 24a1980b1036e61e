// Makes a fresh checkout ready: npm dependencies (with the pinned Node), protobuf code, stock Envoy, network tools.
// Plain JavaScript that any Node from 20 runs, because it runs before the pinned Node is there.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { envoy } from './envoy.mjs';

const root = join(new URL('.', import.meta.url).pathname, '..');
const say = (text) => process.stderr.write(`lateen setup: ${text}\n`);

function dependencies() {
  const stamp = join(root, 'node_modules/.lateen-lock');
  const want = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === want) return;
  say('installing npm dependencies (about half a minute)');
  const run = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (run.status !== 0) fail("'npm ci' failed; see the lines above");
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  writeFileSync(stamp, want);
}

/** iproute2 and nftables: installed where we may, named where we may not. iptables serves in nftables' stead. */
function networkTools() {
  const missing = [
    ['ip', 'iproute2'],
    ['nft', 'nftables'],
  ].filter(([tool]) => !onPath(tool));
  if (missing.length === 0) return;
  const packages = missing.map(([, name]) => name);
  if (process.getuid() !== 0 || !onPath('apt-get')) {
    say(`missing: ${packages.join(', ')}. Install with:  sudo apt-get install -y ${packages.join(' ')}`);
    process.exitCode = 1;
    return;
  }
  say(`installing ${packages.join(', ')} with apt-get`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args) => spawnSync('apt-get', ['-qq', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] }).status;
  if (apt('install', '-y', ...packages) !== 0 && (apt('update') !== 0 || apt('install', '-y', ...packages) !== 0)) {
    fail(`apt-get could not install ${packages.join(' ')}`);
  }
}

function onPath(tool) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  return folders.some((folder) => folder !== '' && existsSync(join(folder, tool)));
}

function protobuf() {
  // In a process of its own: generation needs what npm has just installed.
  execFileSync(process.execPath, [join(root, 'scripts/generate.mjs')], { stdio: 'inherit' });
}

function fail(text) {
  say(text);
  process.exit(1);
}

dependencies();
protobuf();
networkTools();
try {
  await envoy({ log: say });
} catch (error) {
  fail(error.message);
}

// Completes package-lock.json after `npm install`: lists the platform packages of other systems that the registry in use does
// not carry, without which `npm ci` calls the lock incomplete. They are optional and never fetched here.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const path = join(new URL('.', import.meta.url).pathname, '../package-lock.json');
const lock = JSON.parse(readFileSync(path, 'utf8'));
const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const processors = {
  arm64: 'arm64',
  aarch64: 'arm64',
  x64: 'x64',
  ia32: 'ia32',
  armv7: 'arm',
  arm: 'arm',
  ppc64: 'ppc64',
  riscv64: 'riscv64',
  s390x: 's390x',
};

for (const entry of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    if (lock.packages[key] !== undefined) continue;
    const words = name.split(/[-/]/);
    const os = words.find((word) => systems.includes(word));
    const cpu = processors[words.find((word) => word in processors)];
    if (os === undefined || cpu === undefined) throw new Error(`${name}: not a platform package`);
    lock.packages[key] = {
      version,
      cpu: [cpu],
      dev: true,
      optional: true,
      os: [os],
      ...(words.includes('musl') && { libc: ['musl'] }),
    };
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);

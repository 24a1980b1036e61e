// The test command: checks (format, lint, types, unused code), then every test. `--update` rewrites expected output;
// names of folders or files narrow the run (`npm test -- test/golden`).

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';

const root = join(new URL('.', import.meta.url).pathname, '..');
const bin = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin');
if (process.execPath !== fs.realpathSync(join(bin, 'node'))) {
  const again = spawnSync(join(bin, 'node'), [new URL(import.meta.url).pathname, ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exit(again.status ?? 1);
}

const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const update = process.argv.includes('--update');

function run(title, command, args, more = {}) {
  console.log(`\n# ${title}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...env, ...more } });
  if (status !== 0) {
    console.error(`\n${title} failed; to run it alone: ${[command.replace(`${root}/`, ''), ...args].join(' ')}`);
    process.exit(1);
  }
}

const tool = (name) => join(root, 'node_modules/.bin', name);
if (wanted.length === 0 && !update) {
  run('format', tool('oxfmt'), ['--check', '.']);
  run('lint', tool('oxlint'), ['--type-aware']);
  run('types', tool('tsc'), []);
  run('unused code', tool('knip'), ['--no-progress']);
}

const files = (pattern) =>
  fs
    .globSync(pattern, { cwd: root })
    .filter((file) => wanted.length === 0 || wanted.some((want) => file.startsWith(want.replace(/^\.\//, ''))))
    .sort();

/** Pure tests share one process; those with processes, sockets and namespaces get one each, one at a time. */
/** @type {[title: string, patterns: string[], flags: string[]][]} */
const suites = [
  [
    'unit and golden',
    ['src/**/*.test.ts', 'test/golden/**/*.test.ts', 'test/behaviour/**/*.test.ts', 'test/fuzz/**/*.test.ts'],
    ['--test-isolation=none'],
  ],
  ['envoy', ['test/envoy/**/*.test.ts'], ['--test-concurrency=1']],
  ['netns', ['test/netns/**/*.test.ts'], ['--test-concurrency=1']],
];
for (const [title, patterns, flags] of suites) {
  const list = patterns.flatMap(files);
  if (list.length === 0) continue;
  run(
    title,
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--test', ...flags, ...list],
    update ? { LATEEN_UPDATE: '1' } : {},
  );
}

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fakeControl, type FakeControl } from '../../test/support/fake-control.ts';

const program = fileURLToPath(new URL('../../bin/lateen', import.meta.url));
const escape = '\u001B[';
const skip = spawnSync('script', ['--version']).error === undefined ? false : 'no script(1) here to make a terminal with';

/** A verb that colours both what it prints and what it says. */
describe('colour', () => {
  let control: FakeControl;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lateen-colour-'));
    control = await fakeControl({
      'POST /v1/apply': {
        results: [{ ref: {}, name: 'virtualservice/a', outcome: 'refused' }],
        diagnostics: [{ severity: 'error', code: 'LAT1', text: 'a.yaml:1:1: error LAT1 it is wrong' }],
        consequences: [],
      },
      'GET /v1/status': {
        workloads: [
          { name: 'a', namespace: 'default', proxy: 'ready', types: [{ type: 'listener', resources: 1, state: 'arrived' }] },
        ],
      },
    });
  });
  after(async () => {
    await control[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const env = (more: Readonly<Record<string, string>>) => {
    const { NO_COLOR: _no, FORCE_COLOR: _force, CI: _ci, ...rest } = process.env;
    return { ...rest, TERM: 'xterm-256color', ...more };
  };
  const proxies = () => `'${program}' proxy --state '${control.state}'`;
  const apply = () => `echo '{}' | '${program}' apply -f - --state '${control.state}'`;
  const piped = async (command: string, more = {}) =>
    (await promisify(execFile)('sh', ['-c', `${command} 2>&1 || true`], { env: env(more) })).stdout;
  const onTerminal = async (command: string, more = {}) =>
    (await promisify(execFile)('script', ['-qec', `${command} || true`, '/dev/null'], { env: env(more) })).stdout;

  it('is for terminals', { skip }, async () => {
    assert.ok((await onTerminal(proxies())).includes(escape));
    assert.ok((await onTerminal(apply())).includes(escape));
    assert.ok(!(await piped(proxies())).includes(escape));
    assert.ok(!(await piped(apply())).includes(escape));
  });

  it('is for nobody who says NO_COLOR', { skip }, async () => {
    assert.ok(!(await onTerminal(proxies(), { NO_COLOR: '1' })).includes(escape));
  });

  it('is not in what goes to a file, whatever stands beside it', { skip }, async () => {
    const file = join(folder, 'said');
    await onTerminal(`{ ${apply()}; } 2>'${file}'`);
    const said = readFileSync(file, 'utf8');
    assert.match(said, /error LAT1 it is wrong/);
    assert.ok(!said.includes(escape));
  });
});

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { guideSteps, isAsSaid, withOutputs } from './guide.ts';

const guide = [
  '# A guide',
  '```yaml file=a.yaml',
  'kind: A',
  '```',
  '```sh',
  'not run',
  '```',
  '```console varies',
  '$ first \\',
  '    --more',
  'took 12 ms',
  '$ second',
  '```',
  'end',
].join('\n');

test('reads files and commands with what they print', () => {
  const steps = guideSteps(guide);
  assert.deepEqual(steps, [
    { is: 'file', name: 'a.yaml', text: 'kind: A\n' },
    { is: 'command', command: 'first \\\n    --more', expected: 'took 12 ms', varies: true, line: 9 },
    { is: 'command', command: 'second', expected: '', varies: true, line: 12 },
  ]);
  const [, first] = steps;
  assert.ok(first?.is === 'command');
  assert.ok(isAsSaid(first, 'took  9.5 ms\n'));
  assert.ok(!isAsSaid(first, 'took long'));
  assert.ok(!isAsSaid({ ...first, varies: false }, 'took 9 ms'));
});

test('writes outputs anew', () => {
  assert.equal(withOutputs(guide, ['took 12 ms', '']), guide);
  assert.equal(
    withOutputs(guide, ['one\ntwo\n', 'three']),
    guide.replace('took 12 ms', 'one\ntwo').replace('$ second', '$ second\nthree'),
  );
});

test('an open block is an error with its line', () => {
  assert.throws(() => guideSteps('text\n```console\n$ a'), /line 2/);
});

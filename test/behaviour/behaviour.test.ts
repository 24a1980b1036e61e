// Behaviour cases: what becomes of requests in a mesh of objects, as text that a person has read. `npm test -- --update test/behaviour`
// writes it anew.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { behaviourCases, behaviourText } from '../support/behaviour-case.ts';
import { lineDiff } from '../support/line-diff.ts';

const update = process.env['LATEEN_UPDATE'] === '1';
const cases = behaviourCases();

test('there are behaviour cases', () => assert.notEqual(cases.length, 0));

for (const each of cases) {
  test(`behaviour ${each.name}: ${each.given.about}`, () => {
    const actual = behaviourText(each);
    if (actual === each.expected) return;
    if (update) {
      writeFileSync(each.file, `${each.head}---\n${actual}`);
      return;
    }
    const path = relative(process.cwd(), each.file);
    assert.fail(
      `${path} (- expected, + explained now):\n${lineDiff(each.expected, actual)}\nto accept: npm test -- --update test/behaviour`,
    );
  });
}

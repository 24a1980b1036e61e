// Golden cases: what each input compiles to, as YAML that a person has read. `npm test -- --update test/golden` writes it anew.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { compileCase, expectedText, goldenCases } from '../support/golden-case.ts';
import { lineDiff } from '../support/line-diff.ts';
import { danglingReferences } from '../support/references.ts';

const update = process.env['LATEEN_UPDATE'] === '1';
const cases = goldenCases();

test('there are golden cases', () => assert.notEqual(cases.length, 0));

for (const golden of cases) {
  test(`golden ${golden.name}: ${golden.given.about}`, async () => {
    const outcome = compileCase(golden);
    const actual = await expectedText(golden, outcome);
    if (update && actual !== golden.expected) writeFileSync(golden.file, `${golden.head}---\n${actual}`);
    else if (actual !== golden.expected) {
      const path = relative(process.cwd(), golden.file);
      assert.fail(`${path} (- expected, + compiled now):\n${lineDiff(golden.expected, actual)}\nto accept: npm test -- --update test/golden`);
    }

    const turned = await expectedText(golden, compileCase(golden, true));
    assert.equal(turned, actual, 'the order of the input documents changes the result');

    const dangling = (await danglingReferences(outcome.compiled)).filter((name) => !golden.given.missing?.includes(name));
    assert.deepEqual(dangling, [], 'these are referred to, and neither compiled nor declared `missing` by the case');
  });
}

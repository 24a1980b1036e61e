// Holds the pages of codes: each has one, and its example leads to it.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { codes } from '../api/codes.ts';
import { codeEntries, exampleFindings } from '../../test/support/code-example.ts';

const entries = codeEntries();

test('every code has an entry in scripts/code-pages, and no other', () => {
  assert.deepEqual(entries.map(({ code }) => code).sort(), Object.keys(codes).sort());
});

for (const entry of entries) {
  const { code, means, mend, when } = entry;
  test(`the page of ${code} tells what it means and shows it`, () => {
    assert.ok(means.length > 0 && mend.length > 0);
    if (when !== undefined) return;
    const found = exampleFindings(entry).map((finding) => finding.code);
    assert.ok(found.includes(code as (typeof found)[number]), `its example leads to: ${found.join(', ') || 'nothing'}`);
  });
}

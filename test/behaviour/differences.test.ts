// What explain once said otherwise than the real Envoy did: each case has what Envoy did, so that none is needed to look again.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { compiledConfiguration } from '../../src/explain/configuration.ts';
import { explain } from '../../src/explain/explain.ts';
import { explainCases } from '../support/explain/cases.ts';
import { compare } from '../support/explain/compare.ts';
import { prepare } from '../support/explain/scene.ts';

const cases = explainCases();

test('there are cases', () => assert.notEqual(cases.length, 0));

for (const { name, about, scene, request, observed } of cases) {
  test(`explain ${name}: ${about}`, () => {
    const configuration = compiledConfiguration(prepare(scene).compiled);
    const verdict = compare(request, observed, explain(configuration, request), configuration);
    assert.equal(verdict.kind, 'agree', verdict.kind === 'differ' ? verdict.differences.join('\n') : JSON.stringify(verdict));
  });
}

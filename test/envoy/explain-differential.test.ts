// What explain says is what the real Envoy does: some hundred random requests to random configurations. `npm run fuzz:explain` goes on.

import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { askOf } from '../support/explain/asks.ts';
import { explainCases } from '../support/explain/cases.ts';
import { disagreementText, play, startProxy } from '../support/explain/differential.ts';
import type { RealProxy } from '../support/explain/real-proxy.ts';
import { scenePlay } from '../support/explain/scene.ts';

describe('explain and the real Envoy', { timeout: 120_000 }, () => {
  let proxy: RealProxy;
  before(async () => {
    proxy = await startProxy();
  });
  after(() => proxy[Symbol.asyncDispose]());

  it('agree on random requests to random configurations', async () => {
    // The same in each run: what is new is for the long run to find.
    const plays = fc.sample(fc.noBias(scenePlay(20)), { seed: 20_266, numRuns: 60 });
    const came = new Set<string>();
    let cases = 0;
    for (const { scene, asks } of plays) {
      const requests = asks.map((choice) => askOf(scene, choice));
      const { disagreements, came: outcomes, cases: played } = await play(proxy, scene, requests);
      const [first] = disagreements;
      if (first !== undefined) assert.fail(disagreementText(scene, first));
      cases += played;
      for (const outcome of outcomes) came.add(outcome);
    }
    assert.ok(cases > 300, `${cases} cases`);
    // Sent on and answered, by rules and without, denied and closed, on every side.
    const seen = ['outbound forwarded by a rule', 'inbound 403 rbac_access_denied_matched_policy', 'gateway forwarded by a rule'];
    for (const outcome of seen) assert.ok(came.has(outcome), `${outcome} among ${[...came].join(', ')}`);
  });

  for (const { name, about, scene, request } of explainCases()) {
    it(`agree on ${name}: ${about}`, async () => {
      const { disagreements } = await play(proxy, scene, [request]);
      const [first] = disagreements;
      if (first !== undefined) assert.fail(disagreementText(scene, first));
    });
  }
});

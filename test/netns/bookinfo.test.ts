// Bookinfo through real Envoys: each of its networking and policy samples does what its name says.

import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { Agent } from 'node:http';
import { sample, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { detailsOn, reviewsOn, signedIn, type Reviews } from '../support/page.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();
const networking = (name: string): string => sample(`bookinfo/networking/${name}.yaml`);
const policy = (name: string): string => sample(`bookinfo/policy/${name}.yaml`);
const jason = signedIn('jason');
const other = signedIn('maria');
const agent = new Agent({ keepAlive: true });
let mesh: RunningMesh;

before(async () => {
  if (skip !== false) return;
  mesh = await startMesh({ files: [sample('bookinfo/bookinfo.yaml'), networking('bookinfo-gateway')] });
  await mesh.apply(networking('destination-rule-all'));
});

after(async () => {
  agent.destroy();
  await mesh?.[Symbol.asyncDispose]();
});

const page = (headers = {}) => mesh.get('/productpage', { headers, agent });

/** How often each version of reviews was seen. */
async function seen(pages: number, headers = {}): Promise<Map<Reviews, number>> {
  const counts = new Map<Reviews, number>();
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let done = 0; done < pages / 4; done++) {
        const reviews = reviewsOn(await page(headers));
        counts.set(reviews, (counts.get(reviews) ?? 0) + 1);
      }
    }),
  );
  return counts;
}

/** Applies samples, waits until the page shows it, says how long that took, and takes the last one away afterwards. */
async function applied(t: TestContext, files: readonly string[], live: () => Promise<boolean>): Promise<void> {
  t.after(() => mesh.delete(...files.slice(-1)));
  await mesh.apply(...files);
  const began = performance.now();
  await until(live, () => `${files.join(', ')} to take effect`);
  t.diagnostic(`live ${Math.round(performance.now() - began)} ms after lateen apply`);
}

/** Everybody's pages show one version. */
async function always(version: Reviews, headers = {}): Promise<boolean> {
  return [...(await seen(12, headers)).keys()].every((each) => each === version);
}

const share = (counts: Map<Reviews, number>, version: Reviews): number =>
  (counts.get(version) ?? 0) / [...counts.values()].reduce((sum, count) => sum + count, 0);

test('the page is served through gateway and sidecars, with all versions of reviews', { skip }, async () => {
  const answer = await page();
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['server'], 'istio-envoy');
  assert.match(answer.body, /The Comedy of Errors/);
  assert.match(answer.body, /Paperback|paperback/);
  assert.deepEqual([...(await seen(40)).keys()].toSorted(), ['v1', 'v2', 'v3']);
});

test('virtual-service-all-v1', { skip }, async (t) => {
  await applied(t, [networking('virtual-service-all-v1')], () => always('v1'));
  assert.deepEqual([...(await seen(40)).keys()], ['v1']);
});

test('virtual-service-reviews-test-v2: jason sees black stars', { skip }, async (t) => {
  await applied(t, [networking('virtual-service-reviews-test-v2')], () => always('v2', jason));
  assert.deepEqual([...(await seen(20, jason)).keys()], ['v2']);
  assert.deepEqual([...(await seen(20, other)).keys()], ['v1']);
});

for (const [name, versions] of [
  ['virtual-service-reviews-50-v3', { v1: 0.5, v3: 0.5 }],
  ['virtual-service-reviews-80-20', { v1: 0.8, v2: 0.2 }],
  ['virtual-service-reviews-90-10', { v1: 0.9, v2: 0.1 }],
  ['virtual-service-reviews-v2-v3', { v2: 0.5, v3: 0.5 }],
] as const) {
  test(name, { skip }, async (t) => {
    const allowed = Object.keys(versions);
    await applied(t, [networking(name)], async () => [...(await seen(24)).keys()].every((each) => allowed.includes(each)));
    const counts = await seen(240);
    assert.deepEqual([...counts.keys()].toSorted(), allowed);
    // Four standard deviations of 240 draws at worst.
    for (const [version, wanted] of Object.entries(versions)) {
      const found = share(counts, version as Reviews);
      assert.ok(Math.abs(found - wanted) < 0.13 && found > 0.02, `${version}: ${found} instead of ${wanted}`);
    }
  });
}

test('virtual-service-reviews-v3', { skip }, async (t) => {
  await applied(t, [networking('virtual-service-reviews-v3')], () => always('v3'));
});

test('virtual-service-reviews-jason-v2-v3', { skip }, async (t) => {
  await applied(t, [networking('virtual-service-reviews-jason-v2-v3')], () => always('v3'));
  assert.deepEqual([...(await seen(20, jason)).keys()], ['v2']);
});

test('virtual-service-ratings-test-abort: jason gets no ratings', { skip }, async (t) => {
  await mesh.apply(networking('virtual-service-reviews-test-v2'));
  t.after(() => mesh.delete(networking('virtual-service-reviews-test-v2')));
  await applied(t, [networking('virtual-service-ratings-test-abort')], () => always('no ratings', jason));
  assert.deepEqual([...(await seen(12, other)).keys()], ['v1']);
});

test('virtual-service-ratings-test-delay: jason waits, and gets no reviews', { skip }, async (t) => {
  await mesh.apply(networking('virtual-service-reviews-test-v2'));
  t.after(() => mesh.delete(networking('virtual-service-reviews-test-v2')));
  await applied(t, [networking('virtual-service-ratings-test-delay')], async () => reviewsOn(await page(jason)) === 'no reviews');
  const began = performance.now();
  assert.equal(reviewsOn(await page(jason)), 'no reviews');
  // Two tries of three seconds each.
  assert.ok(performance.now() - began > 5900);
  assert.equal(reviewsOn(await page(other)), 'v1');
});

test('virtual-service-details-v2', { skip }, async (t) => {
  const details = async () => JSON.parse((await mesh.get('/api/v1/products/0', { agent })).body) as Record<string, unknown>;
  assert.equal((await details())['pages'], 200);
  t.after(() => mesh.delete(sample('bookinfo/bookinfo-details-v2.yaml')));
  await applied(t, [networking('virtual-service-details-v2')], async () => detailsOn(await page()) === 'no details');
  await mesh.apply(sample('bookinfo/bookinfo-details-v2.yaml'));
  // Version 2 asks a public service, which cannot be called from here: it answers, and says so.
  await until(
    async () => (await mesh.pods()).some(({ name, ready }) => name.startsWith('details-v2') && ready === '2/2'),
    () => 'details-v2',
  );
  await until(
    async () => !/no healthy upstream/.test(JSON.stringify(await details())),
    () => 'an answer of details-v2',
  );
});

test('fault-injection-details-v1: details fail with 555', { skip }, async (t) => {
  t.after(() => mesh.apply(networking('destination-rule-all')));
  await applied(t, [networking('fault-injection-details-v1')], async () => detailsOn(await page()) === 'no details');
  assert.equal((await mesh.get('/api/v1/products/0', { agent })).status, 555);
});

test('destination-rule-all-mtls and destination-rule-reviews', { skip }, async (t) => {
  t.after(() => mesh.apply(networking('destination-rule-all')));
  await mesh.apply(networking('destination-rule-all-mtls'));
  await applied(t, [networking('virtual-service-reviews-v3')], () => always('v3'));
  await mesh.apply(networking('destination-rule-reviews'));
  assert.deepEqual([...(await seen(20)).keys()], ['v3']);
  assert.equal(detailsOn(await page()), 'details');
});

test('policy: allow nothing, then one caller after the other', { skip }, async (t) => {
  t.after(() => mesh.delete(...['allow-nothing', 'productpage-viewer', 'details-reviews-viewer', 'ratings-viewer'].map(policy)));
  await mesh.apply(networking('virtual-service-reviews-v3'));
  t.after(() => mesh.delete(networking('virtual-service-reviews-v3')));
  await mesh.apply(policy('allow-nothing'));
  let asked = 0;
  const denied = await until(
    async () => {
      asked++;
      const answer = await page();
      return answer.status === 403 && answer;
    },
    () => 'a denial',
  );
  assert.equal(denied.body, 'RBAC: access denied');
  // The gateway's connections to productpage were made under the old policy: each may carry one more answer, not the drain time's worth.
  assert.ok(asked <= 10, `${asked} pages were served before`);

  await mesh.apply(policy('productpage-viewer'));
  await until(
    async () => (await page()).status === 200,
    () => 'the page',
  );
  assert.equal(reviewsOn(await page()), 'no reviews');
  assert.equal(detailsOn(await page()), 'no details');
  const post = await mesh.get('/productpage', { method: 'POST', agent });
  assert.deepEqual([post.status, post.body], [403, 'RBAC: access denied']);

  await mesh.apply(policy('details-reviews-viewer'));
  await until(
    async () => reviewsOn(await page()) === 'no ratings',
    () => 'reviews without ratings',
  );
  assert.equal(detailsOn(await page()), 'details');

  await mesh.apply(policy('ratings-viewer'));
  await until(
    async () => reviewsOn(await page()) === 'v3',
    () => 'the whole page',
  );
});

test('what was applied survives the end of lateen up; lateen delete brings the default back', { skip }, async () => {
  await mesh.apply(networking('virtual-service-reviews-v3'));
  await mesh.stop();
  await mesh.start();
  await until(
    async () => (await page()).status === 200,
    () => 'the page again',
  );
  assert.deepEqual([...(await seen(24)).keys()], ['v3']);
  await mesh.delete(networking('virtual-service-reviews-v3'));
  await until(
    async () => (await seen(24)).size === 3,
    () => 'all three versions',
  );
});

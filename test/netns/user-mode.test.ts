// Bookinfo as an ordinary user: one user namespace, marks instead of uids, and nothing of it missing.

import assert from 'node:assert/strict';
import { constants, chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { findEnvoy } from '../../src/node/envoy-binary.ts';
import { sample, startMesh, whyNoMesh } from '../support/mesh.ts';
import { detailsOn, reviewsOn } from '../support/page.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh({ asNobody: true });

test('Bookinfo for an ordinary user', { skip }, async () => {
  // An Envoy that this user may read: the one in root's home is not.
  const folder = mkdtempSync('/tmp/lt-envoy-');
  using _folder = { [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
  chmodSync(folder, 0o755);
  copyFileSync(await findEnvoy(), `${folder}/envoy`, constants.COPYFILE_FICLONE);
  chmodSync(`${folder}/envoy`, 0o755);

  await using mesh = await startMesh({
    files: ['bookinfo.yaml', 'networking/bookinfo-gateway.yaml'].map((file) => sample(`bookinfo/${file}`)),
    asNobody: true,
    env: { PATH: `${folder}:${process.env['PATH'] ?? ''}` },
  });
  const page = () => mesh.get('/productpage');
  const first = await page();
  assert.equal(first.status, 200, first.body);
  const seen = new Set<string>();
  for (let pages = 0; pages < 30; pages++) {
    const answer = await page();
    assert.equal(detailsOn(answer), 'details');
    seen.add(reviewsOn(answer));
  }
  assert.deepEqual(seen, new Set(['v1', 'v2', 'v3']));

  // Whoever gets through now does so with a certificate.
  await mesh.apply(
    sample('security/peer-authentication-strict-default.yaml'),
    sample('security/peer-authentication-strict.yaml'),
  );
  await mesh.apply(
    sample('bookinfo/networking/destination-rule-all.yaml'),
    sample('bookinfo/networking/virtual-service-reviews-v3.yaml'),
  );
  await until(
    async () => reviewsOn(await page()) === 'v3' && reviewsOn(await page()) === 'v3',
    () => 'red stars',
  );
  assert.match(await mesh.exec('ratings-v1', ['curl', '-sS', 'http://details:9080/details/0']), /"author"/);
  const workloads = (await mesh.status()).workloads.filter(({ identity }) => identity !== '');
  assert.equal(workloads.length, 7);
  assert.equal(await mesh.stop(), 0);
});

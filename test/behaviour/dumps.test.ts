// Dumps that real Envoys of this mesh gave: all of them can be read, and say where requests go.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dumpedConfiguration } from '../../src/explain/dump.ts';
import { explain } from '../../src/explain/explain.ts';
import type { Explanation } from '../../src/explain/explanation.ts';
import type { HttpRequest } from '../../src/explain/request.ts';

const text = (name: string): string => readFileSync(new URL(`../../samples/dumps/${name}.json`, import.meta.url), 'utf8');

function ask(dump: string, more: Partial<HttpRequest>): Explanation {
  const configuration = dumpedConfiguration(text(dump));
  if (typeof configuration === 'string') assert.fail(configuration);
  assert.deepEqual(configuration.missing, []);
  return explain(configuration, {
    kind: 'http',
    entry: 'outbound',
    destination: { address: '203.0.113.1', port: 9080 },
    source: { address: '203.0.113.2' },
    version: 'HTTP/1.1',
    method: 'GET',
    authority: 'reviews:9080',
    path: '/reviews/0',
    headers: [],
    ...more,
  });
}

function targets({ outcome }: Explanation) {
  assert.equal(outcome.kind, 'forwarded');
  return outcome.kind === 'forwarded' ? outcome.targets : [];
}

const v2 = 'outbound|9080|v2|reviews.default.svc.cluster.local';
const jason: Partial<HttpRequest> = { headers: [['end-user', 'jason']] };

test('a sidecar that has everything: rule, cluster and endpoint', () => {
  const [target] = targets(ask('sidecar-eager', jason));
  assert.equal(target?.cluster, v2);
  const [endpoint] = target?.destination?.groups.flatMap(({ endpoints }) => endpoints) ?? [];
  assert.equal(endpoint?.tls?.mode, 'mutual');
  const [other] = targets(ask('sidecar-eager', {}));
  assert.equal(other?.cluster, v2.replace('v2', 'v1'));
});

test('a sidecar on demand: what it has not called is not taken for missing', () => {
  const explanation = ask('sidecar-demand', jason);
  const [target] = targets(explanation);
  assert.equal(target?.cluster, v2);
  assert.equal(target?.failure, undefined);
  assert.match(explanation.missing.join(' '), /was not called yet/);
  const [called] = targets(ask('sidecar-demand', {}));
  assert.ok(called?.destination !== undefined, 'v1 was called');
});

test('a gateway: from its port to the product page', () => {
  const [target] = targets(
    ask('gateway', {
      entry: { port: 8080 },
      destination: { address: '203.0.113.1', port: 8080 },
      authority: 'any.test',
      path: '/productpage',
    }),
  );
  assert.equal(target?.cluster, 'outbound|9080||productpage.default.svc.cluster.local');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { readManifest } from '../sources/manifest.ts';
import { decode } from '../api/decode.ts';
import { scopeText, sidecarOf } from './scope-output.ts';

const service = (host: string, namespace: string) => ({
  host,
  namespace,
  ports: [80, 81],
  subsets: [],
  calls: 3,
  last: undefined,
});
const answer = {
  workload: 'productpage-v1',
  namespace: 'default',
  proxies: 1,
  since: '2026-01-01T00:00:00Z',
  services: [service('reviews.default.svc.cluster.local', 'default'), service('db.data.svc.cluster.local', 'data')],
  outside: [],
  selector: { app: 'productpage' },
  sidecars: [],
};

test('the Sidecar lets a workload call what it has called, and is a valid object', () => {
  const { items } = readManifest(stringify(sidecarOf(answer)), '-', decode);
  assert.deepEqual(
    items.flatMap(({ diagnostics }) => diagnostics),
    [],
  );
  assert.deepEqual(items[0]?.object?.body['spec'], {
    workloadSelector: { labels: { app: 'productpage' } },
    egress: [{ hosts: ['./reviews.default.svc.cluster.local', 'data/db.data.svc.cluster.local'] }],
  });
});

test('who has called nothing may call nothing: a Sidecar without hosts would mean everything', () => {
  assert.partialDeepStrictEqual(sidecarOf({ ...answer, services: [] }), { spec: { egress: [{ hosts: ['~/*'] }] } });
});

test('the table shows where and how often', () => {
  assert.match(
    scopeText(answer, new Date()),
    /^HOST +NAMESPACE +PORTS +SUBSETS +CALLS +LAST\nreviews\S+ +default +80,81 +- +3 +-\n/,
  );
});

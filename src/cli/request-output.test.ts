import assert from 'node:assert/strict';
import { test } from 'node:test';
import { record } from '../../test/support/records.ts';
import { joinRecords } from '../telemetry/join.ts';
import { rowOf } from '../telemetry/request-row.ts';
import { requestsText, requestText } from './request-output.ts';

const id = '300db51b-222e-4fc6-8e37-be22a509cb6b';
const rows = joinRecords([
  record('outbound', 'productpage', {
    id,
    method: 'GET',
    authority: 'reviews',
    path: '/1',
    code: 503,
    flags: 'UH',
    duration: 3,
    route: 'v1',
    details: 'no_healthy_upstream',
    cluster: 'outbound|9080|v1|reviews.default.svc.cluster.local',
  }),
  record(
    'outbound',
    'productpage',
    { type: 'TcpConnectionEnd', cluster: 'outbound|5432||db.data.svc.cluster.local', duration: 9 },
    2000,
  ),
  record('outbound', 'productpage', { code: 400, flags: 'DPE' }, 3000),
]).map(rowOf);
const usual = { wide: false, headers: true, alone: false };

test('a line says who asked whom, for what, and what came of it', () => {
  const [head = '', first = '', second = '', third = ''] = requestsText(rows, usual).split('\n');
  assert.match(head, /^TIME +FROM +TO +REQUEST +STATUS +TOOK +ID$/);
  assert.match(first, / productpage\.default +reviews\.default +GET reviews\/1 +503 UH +3ms +300db51b$/);
  assert.match(second, / productpage\.default +db\.data +TCP +closed +9ms +tcp-[0-9a-f]{8}$/);
  assert.match(third, / no valid request +400 DPE +- +http-[0-9a-f]{8}$/);
});

test('wide lines have the whole id, and where and why', () => {
  const [, first = ''] = requestsText(rows, { ...usual, wide: true }).split('\n');
  assert.match(first, new RegExp(`${id} +v1 +outbound\\|9080\\|v1\\|\\S+ +- +no_healthy_upstream$`));
});

test('lines that come one by one stand under one head', () => {
  const [head = ''] = requestsText(rows.slice(0, 1), { ...usual, alone: true }).split('\n');
  const next = requestsText(rows.slice(1, 2), { wide: false, headers: false, alone: true });
  assert.equal(next.split('\n').length, 1);
  assert.equal(next.indexOf('TCP'), head.indexOf('REQUEST'));
});

test('one request in words', () => {
  assert.deepEqual(rows.map(requestText).slice(0, 2), ['GET reviews/1: 503 UH after 3ms', 'TCP: closed after 9ms']);
});

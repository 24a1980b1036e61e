// Requests that happened, each kind of them once: which are the same, and which cannot be asked again.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { record } from '../../test/support/records.ts';
import { distinctRequests } from './distinct-requests.ts';
import { rowOf, type RequestRow } from './request-row.ts';

const said = {
  id: 'a-1',
  method: 'GET',
  authority: 'echo',
  path: '/v1',
  protocol: 'HTTP/1.1',
  local: '10.0.0.1:80',
  remote: '10.1.0.1:4444',
  cluster: 'outbound|80||echo.default.svc.cluster.local',
  routeOrigin: 'VirtualService/default/echo#spec.http[0]',
};

const row = (more: object = {}, time = 1000): RequestRow => {
  const caller = record('outbound', 'caller', { ...said, ...more }, time);
  return rowOf({
    id: caller.id,
    kind: caller.kind === 'request' ? 'request' : 'connection',
    time,
    caller,
    destination: undefined,
    attempts: [],
  });
};
const arriving = (more: object): RequestRow => {
  const destination = record('inbound', 'echo', { ...said, ...more });
  return rowOf({ id: 'a-2', kind: 'request', time: 1000, caller: undefined, destination, attempts: [] });
};
const only = (...rows: RequestRow[]) => {
  const { requests } = distinctRequests(rows);
  assert.equal(requests.length, 1);
  const [first] = requests;
  assert.ok(first);
  return first;
};

describe('distinct requests', () => {
  it('are counted, and known by the last of them', () => {
    const { id, count, time, request, caller } = only(row({}, 1000), row({ id: 'a-9' }, 3000), row({ id: 'a-5' }, 2000));
    assert.deepEqual(
      { id, count, time, request, caller },
      { id: 'a-9', count: 3, time: '1970-01-01T00:00:03.000Z', request: 'GET http://echo/v1', caller: 'caller.default' },
    );
  });

  for (const [what, more] of [
    ['path', { path: '/v2' }],
    ['method', { method: 'POST' }],
    ['host', { authority: 'other' }],
    ['address', { local: '10.0.0.2:80' }],
    ['where it was sent', { cluster: 'outbound|80|v2|echo.default.svc.cluster.local' }],
    ['the rule that sent it', { routeOrigin: 'VirtualService/default/echo#spec.http[1]' }],
    ['being gRPC', { grpcStatus: '0' }],
  ] as const) {
    it(`differ by ${what}`, () => assert.equal(distinctRequests([row(), row(more)]).requests.length, 2));
  }

  it('do not differ by connection, status or time it took', () => {
    assert.equal(only(row(), row({ remote: '10.1.0.1:5555', code: 503, duration: 7, flags: 'UF' })).count, 2);
  });

  it('say what of an IPv6 address is its port', () => {
    const { arrival } = only(row({ local: '[fd00::1]:8080' }));
    assert.ok(typeof arrival !== 'string');
    assert.deepEqual([arrival.address, arrival.port], ['fd00::1', 8080]);
  });

  it('tell from the destination’s side where no caller tells', () => {
    const { arrival, outcome } = only(
      arriving({ callerIdentity: 'spiffe://a', code: 403, details: 'rbac_access_denied_matched_policy[none]' }),
    );
    assert.ok(typeof arrival !== 'string');
    assert.deepEqual([arrival.side, arrival.source, arrival.identity], ['inbound', '10.1.0.1', 'spiffe://a']);
    assert.equal(outcome.refused, true);
    assert.equal(only(arriving({})).outcome.refused, false);
    assert.equal(only(row()).outcome.refused, undefined);
  });

  for (const [what, more, why] of [
    ['a path that was cut', { path: `/${'a'.repeat(255)}` }, /longer than a record holds/],
    ['a request without a host', { authority: '-' }, /no whole request/],
    ['a refused connection', { type: 'NotSet', protocol: '-' }, /refused/],
    ['no address', { local: '-' }, /not recorded/],
  ] as const) {
    it(`cannot be asked again: ${what}`, () => {
      const { arrival } = only(row(more));
      assert.ok(typeof arrival === 'string');
      assert.match(arrival, why);
    });
  }

  it('are bounded: of more it is known how many', () => {
    const rows = Array.from({ length: 10 }, (_, index) => row({ path: `/${index % 5}` }));
    const { requests, more } = distinctRequests(rows, 3);
    assert.deepEqual([requests.length, more], [3, 4]);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { record } from '../../test/support/records.ts';
import { followExchanges } from './join-follow.ts';
import { joinRecords, requestKey } from './join.ts';
import { hasFailed, type AccessRecord } from './record.ts';
import { callerNames, destinationNames, rowOf } from './request-row.ts';

const id = '300db51b-222e-4fc6-8e37-be22a509cb6b';
const out = (said = {}, time = 1000) =>
  record('outbound', 'productpage', { id, upstreamLocal: '10.0.0.1:4000', endpoint: '10.0.0.2:80', code: 200, ...said }, time);
const into = (said = {}, time = 1002) =>
  record('inbound', 'reviews', { id, remote: '10.0.0.1:4000', local: '10.0.0.2:80', code: 200, ...said }, time);

const shape = (records: readonly AccessRecord[]) =>
  joinRecords(records).map(({ caller, destination, attempts }) => [
    caller?.writer.workload,
    destination?.writer.workload,
    attempts.length,
  ]);

describe('records are joined', () => {
  it('by request id and connection, whatever their order', () => {
    assert.deepEqual(shape([into(), out()]), [['productpage', 'reviews', 0]]);
    assert.deepEqual(shape([out(), into()]), [['productpage', 'reviews', 0]]);
  });

  it('also where tracing has written its decision into the id', () => {
    assert.deepEqual(shape([out(), into({ id: '300db51b-222e-9fc6-8e37-be22a509cb6b' })]), [['productpage', 'reviews', 0]]);
    assert.equal(requestKey('made by hand'), 'made by hand');
    for (const length of [8, 14, 15, 20]) assert.ok(requestKey(id).startsWith(requestKey(id.slice(0, length))));
  });

  it('and requests that share a connection stay apart', () => {
    const other = '11111111-222e-4fc6-8e37-be22a509cb6b';
    const joined = joinRecords([out(), out({ id: other }), into({ id: other }), into()]);
    assert.deepEqual(
      joined.map(({ caller, destination }) => caller?.id === destination?.id),
      [true, true],
    );
  });

  it('hop by hop where an application hands the id on, and through a gateway', () => {
    const gateway = record(
      'gateway',
      'gw',
      { id, remote: '9.9.9.9:1', local: '10.0.0.9:8080', upstreamLocal: '10.0.0.9:1', endpoint: '10.0.0.1:80' },
      998,
    );
    const first = record('inbound', 'productpage', { id, remote: '10.0.0.9:1', local: '10.0.0.1:80' }, 999);
    assert.deepEqual(shape([into(), out(), first, gateway]), [
      ['gw', 'productpage', 0],
      ['productpage', 'reviews', 0],
    ]);
  });

  it('with what earlier attempts came to', () => {
    const tried = record('inbound', 'reviews', { id, remote: '10.0.0.1:3999', local: '10.0.0.3:80', code: 503 }, 1001);
    assert.deepEqual(shape([out({ attempts: 2, attempted: '10.0.0.3:80,10.0.0.2:80' }), tried, into()]), [
      ['productpage', 'reviews', 1],
    ]);
  });

  it('with connections that were refused to earlier attempts', () => {
    const refused = { type: 'NotSet', id: '-', flags: 'NR' };
    const caller = out({ code: 503, flags: 'URX,UC', attempts: 3, duration: 40, attempted: '10.0.0.2:80,10.0.0.2:80' });
    const others = [into({ ...refused, remote: '10.0.0.1:3998' }, 1003), into({ ...refused, remote: '10.0.0.1:3999' }, 1010)];
    const later = into({ ...refused, remote: '10.0.0.1:4001' }, 5000);
    assert.deepEqual(shape([later, ...others, into(refused, 1030), caller]), [
      ['productpage', 'reviews', 2],
      [undefined, 'reviews', 0],
    ]);
  });

  it('or stand alone', () => {
    assert.deepEqual(shape([out({ endpoint: '-', upstreamLocal: '-' }), into({ remote: '10.0.0.7:1' })]), [
      ['productpage', undefined, 0],
      [undefined, 'reviews', 0],
    ]);
  });

  it('of connections by their addresses, near in time', () => {
    const tcp = { type: 'TcpConnectionEnd', id: '-' };
    assert.deepEqual(shape([out(tcp), into(tcp), into(tcp, 90_000)]), [
      ['productpage', 'reviews', 0],
      [undefined, 'reviews', 0],
    ]);
    const [joined] = joinRecords([out(tcp)]);
    assert.match(joined?.id ?? '', /^tcp-[0-9a-f]{12}$/);
    assert.equal(joinRecords([out(tcp), into(tcp)])[0]?.id, joined?.id);
  });

  it('of a handshake that failed with the caller that could not connect', () => {
    const refused = { type: 'NotSet', id: '-', downstreamFailure: 'TLS_error' };
    assert.deepEqual(shape([out({ code: 503, flags: 'UF' }), into(refused)]), [['productpage', 'reviews', 0]]);
    const echo = into({ type: 'TcpConnectionEnd', id: '-', downstreamFailure: 'TLS_error' });
    assert.deepEqual(shape([into(refused), echo]), [[undefined, 'reviews', 0]]);
  });
});

describe('a row', () => {
  it('names both ends, and says what the caller got', () => {
    const [exchange] = joinRecords([out({ code: 503, duration: 7 }), into({ code: 503, flags: 'UF' })]);
    assert.ok(exchange !== undefined);
    assert.partialDeepStrictEqual(rowOf(exchange), {
      id,
      from: 'productpage.default',
      to: 'reviews.default',
      code: 503,
      flags: ['UF'],
      duration: 7,
      failed: true,
      time: '1970-01-01T00:00:01.000Z',
    });
  });

  it('names who did not tell by what the other end knows', () => {
    const [alone] = joinRecords([into({ callerIdentity: 'spiffe://cluster.local/ns/shop/sa/cart' })]);
    assert.equal(alone && callerNames(alone)[0], 'cart.shop');
    const [plain] = joinRecords([into()]);
    assert.equal(plain && callerNames(plain)[0], '10.0.0.1');
    const called = { endpoint: '-', cluster: 'outbound|80|v1|reviews.shop.svc.cluster.local' };
    const [nowhere] = joinRecords([out(called)]);
    assert.equal(nowhere && destinationNames(nowhere)[0], 'reviews.shop');
    const [unrouted] = joinRecords([
      out({ endpoint: '-', virtualHost: 'reviews.shop.svc.cluster.local:80', authority: 'reviews' }),
    ]);
    assert.equal(unrouted && destinationNames(unrouted)[0], 'reviews.shop');
    const [outside] = joinRecords([out({ cluster: 'PassthroughCluster', virtualHost: 'allow_any', authority: 'example.com' })]);
    assert.equal(outside && destinationNames(outside)[0], 'example.com');
  });

  it('of a request that timed out is a failure, of one whose caller was content it is none', () => {
    const [late] = joinRecords([out({ code: 504, flags: 'UT' }), into({ code: 0, flags: 'DC' })]);
    assert.equal(late && rowOf(late).failed, true);
    const ended = into({ code: 200, flags: 'DC' });
    assert.ok(hasFailed(ended));
    const [content] = joinRecords([out(), ended]);
    assert.equal(content && rowOf(content).failed, false);
  });
});

describe('following', () => {
  it('tells of each exchange once: when both ends are there, or one has waited long enough', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    let now = 0;
    t.mock.method(performance, 'now', () => now);
    const pass = (ms: number): void => {
      now += ms;
      t.mock.timers.tick(ms);
    };
    let tell: (records: readonly AccessRecord[]) => void = () => {};
    let following = true;
    const source = {
      recent: () => [],
      unrecorded: () => [],
      follow(take: typeof tell) {
        tell = take;
        return { [Symbol.dispose]: () => void (following = false) };
      },
    };
    const told: string[] = [];
    {
      using _ = followExchanges(source, (exchange) => {
        told.push([exchange.caller?.writer.workload, exchange.destination?.writer.workload].join('>'));
      });
      tell([out()]);
      pass(500);
      assert.deepEqual(told, []);
      tell([into()]);
      pass(250);
      assert.deepEqual(told.splice(0), ['productpage>reviews']);
      tell([out({ endpoint: '-', upstreamLocal: '-', code: 404, flags: 'NR' })]);
      pass(250);
      assert.deepEqual(told.splice(0), ['productpage>']);
      tell([into()]);
      pass(500);
      assert.deepEqual(told, []);
      pass(750);
      assert.deepEqual(told.splice(0), ['>reviews']);
      pass(2000);
      assert.deepEqual(told, []);
    }
    assert.equal(following, false);
  });
});

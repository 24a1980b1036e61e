import { test } from 'node:test';
import assert from 'node:assert/strict';
import { change, nodeId, running } from '../../test/support/xds/delta-set-up.ts';
import { fake, fakeListener, together } from '../../test/support/xds/fake-compiler.ts';
import { DeltaProxy, SotwProxy, described, type Got } from '../../test/support/xds/fake-proxy.ts';
import { deltaPath, sotwPath } from './ads.ts';
import { readPlaces } from './listener.ts';

/** A proxy whose listener of all addresses of a port makes room for one of a single address. */
function exchanging() {
  const all = running();
  const { a, proxy, clock } = all;
  change(clock, () => a.put('listener', fakeListener('0.0.0.0_70', '0.0.0.0', 70)));
  assert.deepEqual(proxy.settle(), ['listener 0.0.0.0_70']);
  const exchange = () =>
    change(clock, () =>
      together(() => {
        a.drop('listener', '0.0.0.0_70');
        a.put('listener', fakeListener('10.0.0.1_70', '10.0.0.1', 70));
      }),
    );
  return { ...all, exchange };
}

/** The one response that came. */
function only(proxy: { take(): Got[] }, what: string): Got {
  const got = proxy.take();
  assert.deepEqual(got.map(described), [what]);
  const [first] = got;
  assert.ok(first);
  return first;
}

test('a listener goes when the one that came is answered, and the tables that it asked for', () => {
  const { proxy, a, exchange } = exchanging();
  a.put('route', fake('new'));
  exchange();
  const listener = only(proxy, 'listener 10.0.0.1_70');
  proxy.subscribe('route', 'new');
  const route = only(proxy, 'route new');
  proxy.ack(listener);
  assert.deepEqual(proxy.took(), []);
  proxy.ack(route);
  assert.deepEqual(proxy.settle(), ['listener -0.0.0.0_70']);
});

test('a listener goes when the one that came is answered, and the secrets that it asked for', () => {
  const { proxy, a, exchange } = exchanging();
  a.put('secret', fake('s'));
  exchange();
  const listener = only(proxy, 'listener 10.0.0.1_70');
  proxy.subscribe('secret', 's');
  const secret = only(proxy, 'secret s');
  proxy.ack(listener);
  assert.deepEqual(proxy.took(), []);
  proxy.ack(secret);
  assert.deepEqual(proxy.settle(), ['listener -0.0.0.0_70']);
});

test('a table that cannot be computed keeps what it is to replace; one that is never answered does so for a bounded time', () => {
  const { proxy, a, clock, exchange } = exchanging();
  a.broken.value = { 'route new': 'broken' };
  exchange();
  const listener = only(proxy, 'listener 10.0.0.1_70');
  proxy.subscribe('route', 'new');
  proxy.ack(listener);
  clock.pass(60_000);
  assert.deepEqual(proxy.took(), []);
  change(clock, () =>
    together(() => {
      a.put('route', fake('new'));
      a.broken.value = {};
    }),
  );
  only(proxy, 'route new');
  clock.pass(4_999);
  assert.deepEqual(proxy.took(), []);
  clock.pass(1);
  assert.deepEqual(proxy.took(), ['listener -0.0.0.0_70']);
});

test('what has the address of one that comes makes room for it in the same response: Envoy lets no two have one', () => {
  const { proxy, a, clock } = exchanging();
  change(clock, () =>
    together(() => {
      a.drop('listener', '0.0.0.0_70');
      a.put('listener', fakeListener('named', '0.0.0.0', 70), fakeListener('other', '0.0.0.0', 71));
      a.drop('listener', 'l1');
    }),
  );
  assert.deepEqual(proxy.settle(), ['listener named other -0.0.0.0_70', 'listener -l1']);
});

test('a listener stays while the proxy refuses what was to come at its port', () => {
  const { proxy, a, clock, exchange, ads } = exchanging();
  exchange();
  proxy.nack(only(proxy, 'listener 10.0.0.1_70'), '10.0.0.1_70: no');
  clock.pass(60_000);
  assert.deepEqual(proxy.settle(), []);
  // What goes elsewhere goes.
  change(clock, () => a.drop('listener', 'l1'));
  assert.deepEqual(proxy.settle(), ['listener -l1']);
  change(clock, () => a.put('listener', fakeListener('10.0.0.1_70', '10.0.0.1', 70, 'mended')));
  assert.deepEqual(proxy.settle(), ['listener 10.0.0.1_70', 'listener -0.0.0.0_70']);
  assert.equal(ads.distribution.settled, true);
});

test('a listener that comes back before it went stays, and makes way again for what had its address', () => {
  const { proxy, a, clock, exchange } = exchanging();
  exchange();
  const listener = only(proxy, 'listener 10.0.0.1_70');
  change(clock, () =>
    together(() => {
      a.drop('listener', '10.0.0.1_70');
      a.put('listener', fakeListener('0.0.0.0_70', '0.0.0.0', 70));
    }),
  );
  proxy.ack(listener);
  assert.deepEqual(proxy.settle(), ['listener 0.0.0.0_70', 'listener -10.0.0.1_70']);
  clock.pass(60_000);
  assert.deepEqual(proxy.settle(), []);
});

test('a proxy that comes back in between keeps what it has until it has said what it lacks and has been given it', () => {
  const { proxy, a, clock, exchange, ads } = exchanging();
  a.put('route', fake('new'));
  exchange();
  proxy.ack(only(proxy, 'listener 10.0.0.1_70'));
  proxy.close();
  const handler = ads.handlers[deltaPath];
  assert.ok(handler);
  const next = new DeltaProxy(handler, nodeId('p'));
  next.send('listener', {
    initialResourceVersions: { ...Object.fromEntries(proxy.held.get('listener') ?? []), '0.0.0.0_70': 'some' },
  });
  clock.pass(100);
  assert.deepEqual(next.took(), []);
  next.subscribe('route', 'new');
  const route = only(next, 'route new');
  clock.pass(1000);
  assert.deepEqual(next.took(), []);
  next.ack(route);
  assert.deepEqual(next.settle(), ['listener -0.0.0.0_70']);
});

test('SotW: what goes stands in the state until what came is answered', () => {
  const { a, clock, ads } = exchanging();
  const handler = ads.handlers[sotwPath];
  assert.ok(handler);
  const proxy = new SotwProxy(handler, nodeId('q'));
  proxy.subscribe('listener');
  assert.deepEqual(proxy.settle(), ['listener 0.0.0.0_70 l1']);
  clock.pass(1000);
  change(clock, () =>
    together(() => {
      a.drop('listener', '0.0.0.0_70');
      a.put('listener', fakeListener('10.0.0.1_70', '10.0.0.1', 70));
    }),
  );
  const both = only(proxy, 'listener 10.0.0.1_70 l1 0.0.0.0_70');
  proxy.ack(both);
  const rest = only(proxy, 'listener 10.0.0.1_70 l1');
  assert.notEqual(rest.version, both.version);
});

test('where a listener listens is read of its bytes', () => {
  const ports = (bytes: Uint8Array) => readPlaces(bytes).map(({ port }) => port);
  const { bytes } = fakeListener('l', '10.0.0.1', 70);
  assert.deepEqual(ports(bytes), [70]);
  const additional = Buffer.from([0x8a, 0x02, 0x06, 0x0a, 0x04, 0x0a, 0x02, 0x18, 0x07]);
  assert.deepEqual(ports(Buffer.concat([bytes, additional])), [70, 7]);
  const pipe = Buffer.from([0x12, 0x05, 0x12, 0x03, 0x0a, 0x01, 0x70]);
  assert.deepEqual(ports(pipe), [undefined]);
});

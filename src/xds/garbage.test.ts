import { test } from 'node:test';
import assert from 'node:assert/strict';
import { create, toBinary, toJson, type JsonObject } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { DeltaDiscoveryRequestSchema } from '../../gen/envoy/service/discovery/v3/discovery_pb.js';
import { NodeSchema } from '../../gen/envoy/config/core/v3/base_pb.js';
import { FakeCompiler, fake, fakeCluster } from '../../test/support/xds/fake-compiler.ts';
import { DeltaProxy } from '../../test/support/xds/fake-proxy.ts';
import { ManualClock } from '../../test/support/xds/manual-clock.ts';
import type { ResourceType } from '../compile/resource.ts';
import { adsHandlers, deltaPath } from './ads.ts';
import { readEndpointsName } from './cluster.ts';
import { Nodes } from './node.ts';
import { decodeDeltaRequest, decodeSotwRequest } from './request.ts';
import { WireError } from './wire.ts';

const parseNode = (bytes: Uint8Array) => new Nodes().take(bytes);

test('any bytes are a request or none, a node or a problem', () => {
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged());
  fc.assert(
    fc.property(bytes, (input) => {
      decodeDeltaRequest(input);
      decodeSotwRequest(input);
      parseNode(input);
      try {
        readEndpointsName(input);
      } catch (error) {
        assert.ok(error instanceof WireError);
      }
    }),
    { numRuns: 2000 },
  );
});

/** A good request with one byte changed, or cut short. */
function damaged() {
  const good = toBinary(
    DeltaDiscoveryRequestSchema,
    create(DeltaDiscoveryRequestSchema, {
      node: { id: 'sidecar~1.1.1.1~p.a~a.svc', metadata: { LABELS: { app: 'x' } } },
      typeUrl: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
      resourceNamesSubscribe: ['a', 'b'],
      initialResourceVersions: { a: '1', b: '2' },
      responseNonce: 'n',
      errorDetail: { code: 3, message: 'bad' },
    }),
  );
  return fc.tuple(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length)).map(([at, byte, length]) => {
    const bytes = Uint8Array.from(good);
    bytes[at] = byte;
    return bytes.subarray(0, length);
  });
}

test('a request is read as protobuf-es writes it', () => {
  fc.assert(
    fc.property(
      fc.record({
        typeUrl: fc.string(),
        responseNonce: fc.string(),
        resourceNamesSubscribe: fc.array(fc.string()),
        resourceNamesUnsubscribe: fc.array(fc.string()),
        initialResourceVersions: fc.dictionary(fc.string(), fc.string()),
      }),
      (fields) => {
        const got = decodeDeltaRequest(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, fields)));
        assert.deepEqual(
          [got?.typeUrl, got?.nonce, got?.subscribe, got?.unsubscribe],
          [fields.typeUrl, fields.responseNonce, fields.resourceNamesSubscribe, fields.resourceNamesUnsubscribe],
        );
        assert.deepEqual(new Map(Object.entries(fields.initialResourceVersions)), got?.initial ?? new Map());
      },
    ),
  );
});

test('nodes: what is understood, what is refused and why', () => {
  const node = (fields: object) => parseNode(toBinary(NodeSchema, create(NodeSchema, fields)));
  assert.deepEqual(
    node({
      id: 'router~10.0.0.1~gw-1.edge~edge.svc.cluster.local',
      metadata: { NAMESPACE: 'edge', LABELS: { app: 'gw', n: 1 }, INSTANCE_IPS: '10.0.0.1,fd00::1' },
      locality: { region: 'r', zone: 'z' },
      extensions: [{ name: 'envoy.filters.http.router', category: 'http' }],
    }),
    {
      type: 'router',
      id: 'router~10.0.0.1~gw-1.edge~edge.svc.cluster.local',
      name: 'gw-1.edge',
      namespace: 'edge',
      addresses: ['10.0.0.1', 'fd00::1'],
      dnsDomain: 'edge.svc.cluster.local',
      labels: { app: 'gw' },
      metadata: { NAMESPACE: 'edge', LABELS: { app: 'gw', n: 1 }, INSTANCE_IPS: '10.0.0.1,fd00::1' },
      locality: { region: 'r', zone: 'z', subZone: '' },
    },
  );
  assert.match(JSON.stringify(node({ id: 'ztunnel~1~2~3' })), /TYPE~IP~NAME~DNSDOMAIN/);
  assert.match(JSON.stringify(node({ id: 'x'.repeat(300_000) })), /at most/);
});

test('what a proxy says of itself is read as protobuf says it', () => {
  const id = 'sidecar~10.0.0.1~p.a~a.svc.cluster.local';
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()),
      fc.record({ region: fc.string(), zone: fc.string(), subZone: fc.string() }),
      (metadata, locality) => {
        const said = create(NodeSchema, { id, metadata: metadata as JsonObject, locality });
        const node = parseNode(toBinary(NodeSchema, said));
        assert.ok(!('problem' in node));
        assert.deepEqual(node.metadata, (toJson(NodeSchema, said) as { readonly metadata?: object }).metadata ?? {});
        assert.deepEqual(node.locality, { ...locality });
      },
    ),
  );
  const endless = create(NodeSchema, { id, metadata: { n: Number.NaN } });
  assert.match(JSON.stringify(parseNode(toBinary(NodeSchema, endless))), /not a valid/);
});

test('the streams of a proxy have one node as long as one of them is open', () => {
  const nodes = new Nodes();
  const say = (name: string) => {
    const node = nodes.take(toBinary(NodeSchema, create(NodeSchema, { id: `sidecar~1.1.1.1~${name}~a.svc` })));
    assert.ok(!('problem' in node));
    return node;
  };
  const first = say('p.a');
  assert.notEqual(say('q.a'), first);
  assert.equal(say('p.a'), first);
  nodes.release(first);
  assert.equal(say('p.a'), first);
  nodes.release(first);
  nodes.release(first);
  assert.notEqual(say('p.a'), first);
});

test('whatever a proxy does and whatever changes, in the end it holds what there is', () => {
  const names = ['c1', 'c2', 'c3', 'c4'];
  const name = fc.constantFrom(...names);
  const type = fc.constantFrom<ResourceType>('cluster', 'endpoint', 'listener', 'route');
  const step = fc.oneof(
    fc.tuple(fc.constant('put' as const), type, name, fc.nat(3)),
    fc.tuple(fc.constant('drop' as const), type, name, fc.nat(3)),
    fc.tuple(fc.constant('subscribe' as const), type, name, fc.nat(3)),
    fc.tuple(fc.constant('unsubscribe' as const), fc.constantFrom<ResourceType>('endpoint', 'route'), name, fc.nat(3)),
    fc.tuple(fc.constant('answer' as const), type, name, fc.nat(3)),
    fc.tuple(fc.constant('pass' as const), type, name, fc.nat(60)),
    fc.tuple(fc.constant('move' as const), type, name, fc.nat(1)),
    fc.tuple(fc.constant('reconnect' as const), type, name, fc.nat(1)),
    fc.tuple(fc.constant('stall' as const), type, name, fc.nat(1)),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const compiler = new FakeCompiler();
      const clock = new ManualClock();
      const ads = adsHandlers({ compiler, clock, authorize: () => ({}) });
      const handler = ads.handlers[deltaPath];
      assert.ok(handler);
      const id = 'sidecar~10.0.0.1~p.a~a.svc.cluster.local';
      const other = new DeltaProxy(handler, 'sidecar~10.0.0.1~q.a~a.svc.cluster.local');
      let proxy = new DeltaProxy(handler, id);
      let wanted = { endpoint: new Set<string>(), route: new Set<string>() };
      let where = 'a';
      const unanswered: ReturnType<DeltaProxy['take']> = [];
      for (const each of [proxy, other]) for (const map of ['cluster', 'listener'] as const) each.subscribe(map);
      other.subscribe('endpoint', ...names);
      for (const [what, kind, named, number] of steps) {
        // Listeners and routes that name a cluster keep it.
        const who = kind === 'listener' || kind === 'route' ? named.replace('c', 'l') : named;
        const target = compiler.class(number === 1 ? 'b' : 'a');
        if (what === 'put') target.put(kind, kind === 'cluster' ? fakeCluster(who, String(number)) : fake(who, String(number)));
        else if (what === 'drop') target.drop(kind, who);
        else if (what === 'pass') clock.pass(number * 3);
        else if (what === 'move') {
          where = number === 1 ? 'b' : 'a';
          compiler.move(id, where);
        } else if (what === 'stall') {
          if (number === 1) proxy.call.room = false;
          else proxy.drain();
        } else if (what === 'answer') {
          unanswered.push(...proxy.take());
          const got = unanswered.shift();
          if (got && number === 0) proxy.nack(got, 'no');
          else if (got) proxy.ack(got);
        } else if (what === 'reconnect') {
          proxy.take();
          const { held } = proxy;
          proxy.close();
          proxy = new DeltaProxy(handler, id);
          unanswered.length = 0;
          for (const map of ['cluster', 'endpoint', 'listener', 'route'] as const) {
            const kept = held.get(map) ?? new Map<string, string>();
            proxy.held.set(map, new Map(kept));
            const subscribe = map === 'endpoint' || map === 'route' ? [...wanted[map]] : [];
            proxy.send(map, { resourceNamesSubscribe: subscribe, initialResourceVersions: Object.fromEntries(kept) });
          }
        } else if (kind === 'endpoint' || kind === 'route') {
          if (what === 'subscribe') {
            wanted[kind].add(who);
            proxy.subscribe(kind, who);
          } else {
            if (wanted[kind].delete(who)) proxy.unsubscribe(kind, who);
            unanswered.push(...proxy.take());
            proxy.held.get(kind)?.delete(who);
          }
        }
      }
      proxy.drain();
      for (let round = 0; round < 5; round += 1) {
        for (const got of unanswered.splice(0)) proxy.ack(got);
        proxy.settle();
        other.settle();
        clock.pass(6_000);
      }
      const { configuration } = compiler.class(where);
      const versions = (map: ReadonlyMap<string, { version: string }>) =>
        Object.fromEntries([...map].map(([key, { version }]) => [key, version]));
      const holds = (kind: ResourceType) => Object.fromEntries(proxy.held.get(kind) ?? []);
      const clusters = versions(configuration.clusters.value);
      // Where the older form of a refused route leads nobody knows: clusters stay.
      const refused = ads.distribution.of(id).flatMap(({ types }) => types.filter(({ rejected }) => rejected.length > 0));
      const stay = refused.some(({ type: of }) => of === 'listener' || of === 'route');
      assert.deepEqual(stay ? { ...holds('cluster'), ...clusters } : holds('cluster'), stay ? holds('cluster') : clusters);
      assert.deepEqual(holds('listener'), versions(configuration.listeners.value));
      for (const kind of ['endpoint', 'route'] as const) {
        const cells = [...wanted[kind]]
          .sort()
          .map((each) => (kind === 'route' ? configuration.route(each) : configuration.endpoints(each)).value);
        const there = cells.filter((cell) => cell !== undefined).map((cell) => [cell.name, cell.version]);
        assert.deepEqual(holds(kind), Object.fromEntries(there));
      }
      wanted = { endpoint: new Set(), route: new Set() };
    }),
    { numRuns: 300 },
  );
});

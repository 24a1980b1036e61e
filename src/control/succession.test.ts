import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../api/decode.ts';
import { originOf, refOf, type ApiObject, type ObjectRef } from '../api/object.ts';
import { createCompiler } from '../compile/compile.ts';
import { parseNode } from '../compile/node.ts';
import { Store } from '../store/store.ts';
import { Succession } from './succession.ts';

function object(kind: string, name: string, spec: object): ApiObject {
  const apiVersion = kind === 'Service' ? 'v1' : 'networking.istio.io/v1';
  const made = decode({ apiVersion, kind, metadata: { name, namespace: 'default' }, spec }, originOf('test')).object;
  assert.ok(made);
  return made;
}
const service = (name: string) => object('Service', name, { ports: [{ name: 'http', port: 80 }], clusterIP: '10.96.0.9' });
const rule = (...subsets: string[]) =>
  object('DestinationRule', 'reviews', {
    host: 'reviews',
    subsets: subsets.map((name) => ({ name, labels: { version: name } })),
  });
const routes = (host: string, subset: string) =>
  object('VirtualService', 'reviews', {
    hosts: ['reviews'],
    http: [{ route: [{ destination: { host, ...(subset && { subset }) } }] }],
  });
const routeRef = refOf(routes('reviews', 'v1'));

function setUp(remembered: readonly ApiObject[] = []) {
  const store = new Store();
  const succession = new Succession(store, remembered);
  const change = (upserts: readonly ApiObject[], deletes: readonly ObjectRef[] = []) =>
    store.transaction(() => succession.take({ upserts, deletes }));
  const node = parseNode({ id: 'sidecar~10.0.0.1~client.default~default.svc.cluster.local', metadata: { NAMESPACE: 'default' } });
  assert.ok(typeof node !== 'string');
  const configuration = createCompiler(store).configurationFor(node);
  /** The cluster that the table of port 80 leads to, and the subsets there are clusters for. */
  const leads = () => {
    const table = Buffer.from(configuration.value.route('80').value?.bytes ?? []).toString('latin1');
    return /outbound\|80\|(?:v\d)?\|[a-z]+\.default/.exec(table)?.[0];
  };
  const subsets = () =>
    [...configuration.value.clusters.value.keys()].flatMap((name) => /^outbound\|80\|(v\d)\|/.exec(name)?.[1] ?? []).sort();
  const said = () => succession.diagnostics().map(({ code, object: of, message }) => `${code} ${of?.kind}: ${message}`);
  return { store, succession, change, leads, subsets, said };
}

const v1 = 'outbound|80|v1|reviews.default';
const v2 = 'outbound|80|v2|reviews.default';

test('a rule that comes before its subset waits in its earlier form', () => {
  const { change, leads, said, succession, store } = setUp();
  change([service('reviews'), rule('v1'), routes('reviews', 'v1')]);
  assert.equal(leads(), v1);
  change([routes('reviews', 'v2')]);
  assert.equal(leads(), v1);
  assert.deepEqual(succession.waits(routeRef), ['subset v2 of reviews.default.svc.cluster.local']);
  assert.match(said().join('\n'), /^LAT1901 VirtualService: subset v2 of reviews\.default\S+ does not exist/);
  assert.match(JSON.stringify(store.get(routeRef)?.body), /v2/, 'what is shown is what was applied');
  change([rule('v1', 'v2')]);
  assert.equal(leads(), v2);
  assert.deepEqual([said(), succession.waits(routeRef), succession.forms()], [[], [], []]);
});

test('a rule waits for the object that it hands over to', () => {
  const { change, leads, succession } = setUp();
  change([service('reviews'), rule('v1', 'v2'), routes('reviews', 'v1')]);
  change([object('VirtualService', 'reviews', { hosts: ['reviews'], http: [{ delegate: { name: 'part' } }] })]);
  assert.deepEqual([leads(), succession.waits(routeRef)], [v1, ['delegate part in default']]);
  change([object('VirtualService', 'part', { http: [{ route: [{ destination: { host: 'reviews', subset: 'v2' } }] }] })]);
  assert.deepEqual([leads(), succession.waits(routeRef)], [v2, []]);
});

test('an object that others hand over to stays until the last of them lets go of it, also over a restart', () => {
  const part = object('VirtualService', 'part', { http: [{ route: [{ destination: { host: 'reviews', subset: 'v1' } }] }] });
  const root = object('VirtualService', 'reviews', { hosts: ['reviews'], http: [{ delegate: { name: 'part' } }] });
  const { change, leads, said, succession, store } = setUp();
  change([service('reviews'), rule('v1', 'v2'), part, root]);
  change([], [refOf(part)]);
  assert.equal(leads(), v1);
  assert.equal(store.get(refOf(part)), undefined, 'what is shown is what was applied');
  assert.deepEqual(said(), [
    'LAT1902 VirtualService: VirtualService default/part is not defined any more: it stays as it was as long as this object leads there',
  ]);
  const next = setUp(succession.forms());
  next.change([service('reviews'), rule('v1', 'v2'), root]);
  assert.equal(next.leads(), v1);
  for (const each of [{ change, leads, said, succession }, next]) {
    each.change([routes('reviews', 'v2')]);
    assert.deepEqual([each.leads(), each.said(), each.succession.forms()], [v2, [], []]);
  }
});

test('an object that nobody hands over to is gone at once', () => {
  const part = object('VirtualService', 'part', { http: [{ route: [{ destination: { host: 'reviews', subset: 'v1' } }] }] });
  const { change, leads, said, succession } = setUp();
  change([service('reviews'), rule('v1', 'v2'), part, routes('reviews', 'v2')]);
  change([], [refOf(part)]);
  assert.deepEqual([leads(), said(), succession.forms()], [v2, [], []]);
});

test('a rule waits for a service, and for one of its ports', () => {
  const { change, leads, succession } = setUp();
  change([service('reviews'), routes('reviews', '')]);
  change([routes('ratings', '')]);
  assert.deepEqual(
    [leads(), succession.waits(routeRef)],
    ['outbound|80||reviews.default', ['host ratings.default.svc.cluster.local']],
  );
  change([service('ratings')]);
  assert.equal(leads(), 'outbound|80||ratings.default');
});

test('without an earlier form a rule is in effect at once, as Istio has it', () => {
  const { change, leads, said } = setUp();
  change([service('reviews'), routes('reviews', 'v2')]);
  assert.deepEqual([leads(), said()], [v2, []]);
});

test('a subset that is taken away stays until the last rule lets go of it', () => {
  const { change, leads, subsets, said } = setUp();
  change([service('reviews'), rule('v1', 'v2'), routes('reviews', 'v1')]);
  change([rule('v2')]);
  assert.deepEqual([leads(), subsets()], [v1, ['v1', 'v2']]);
  assert.match(said().join(), /^LAT1902 VirtualService: subset v1 .* stays as it was/);
  change([], [refOf(rule())]);
  assert.deepEqual([leads(), subsets()], [v1, ['v1']]);
  change([routes('reviews', '')]);
  assert.deepEqual([leads(), subsets(), said()], ['outbound|80||reviews.default', [], []]);
});

test('both orders of moving from one subset to another', () => {
  for (const order of [
    [rule('v2'), routes('reviews', 'v2')],
    [routes('reviews', 'v2'), rule('v2')],
  ]) {
    const { change, leads, subsets, said } = setUp();
    change([service('reviews'), rule('v1'), routes('reviews', 'v1')]);
    const [first, second] = order;
    assert.ok(first && second);
    change([first]);
    assert.equal(leads(), v1);
    change([second]);
    assert.deepEqual([leads(), subsets(), said()], [v2, ['v2'], []]);
  }
});

test('a rule that waits and is deleted is gone, and so is what it kept', () => {
  const { change, leads, subsets, succession } = setUp();
  change([service('reviews'), rule('v1'), routes('reviews', 'v1')]);
  change([routes('reviews', 'v2'), rule('v3')]);
  assert.deepEqual([leads(), subsets()], [v1, ['v1', 'v3']]);
  change([], [routeRef]);
  assert.deepEqual([leads(), subsets(), succession.forms()], ['outbound|80||reviews.default', ['v3'], []]);
});

test('what waits goes on waiting after a restart', () => {
  const before = setUp();
  before.change([service('reviews'), rule('v1'), routes('reviews', 'v1')]);
  before.change([routes('reviews', 'v2'), rule('v3')]);
  const after = setUp(before.succession.forms());
  after.change([service('reviews'), rule('v3'), routes('reviews', 'v2')]);
  assert.deepEqual([after.leads(), after.subsets()], [v1, ['v1', 'v3']]);
});

test('an earlier form that leads nowhere either is not held', () => {
  const { change, leads } = setUp();
  change([service('reviews'), service('ratings'), routes('ratings', '')]);
  change([], [refOf(service('ratings'))]);
  change([routes('reviews', 'v2')]);
  assert.equal(leads(), v2);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../api/decode.ts';
import { originOf, refOf, type ApiObject, type ObjectRef } from '../api/object.ts';
import { authority, leaf, secretOf } from '../../test/support/certificates.ts';
import { createCompiler } from '../compile/compile.ts';
import { parseNode } from '../compile/node.ts';
import { Store } from '../store/store.ts';
import type { EarlierForms } from './earlier-forms.ts';
import { Succession } from './succession.ts';

function object(kind: string, name: string, spec: object): ApiObject {
  const apiVersion = kind === 'Service' || kind === 'Secret' ? 'v1' : 'networking.istio.io/v1';
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

function setUp(remembered: EarlierForms = { forms: [], absent: [] }) {
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

const nothing: EarlierForms = { forms: [], absent: [] };
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
  assert.deepEqual([said(), succession.waits(routeRef), succession.forms()], [[], [], nothing]);
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
    'LAT1902 VirtualService: delegate part in default is not defined any more: it stays as it was as long as this object leads there',
  ]);
  const next = setUp(succession.forms());
  next.change([service('reviews'), rule('v1', 'v2'), root]);
  assert.equal(next.leads(), v1);
  for (const each of [{ change, leads, said, succession }, next]) {
    each.change([routes('reviews', 'v2')]);
    assert.deepEqual([each.leads(), each.said(), each.succession.forms()], [v2, [], nothing]);
  }
});

test('an object that nobody hands over to is gone at once', () => {
  const part = object('VirtualService', 'part', { http: [{ route: [{ destination: { host: 'reviews', subset: 'v1' } }] }] });
  const { change, leads, said, succession } = setUp();
  change([service('reviews'), rule('v1', 'v2'), part, routes('reviews', 'v2')]);
  change([], [refOf(part)]);
  assert.deepEqual([leads(), said(), succession.forms()], [v2, [], nothing]);
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

test('a new rule waits where requests are answered without it', () => {
  const { change, leads, said, succession } = setUp();
  change([service('reviews')]);
  change([routes('reviews', 'v2')]);
  assert.equal(leads(), 'outbound|80||reviews.default');
  assert.deepEqual(succession.waits(routeRef), ['subset v2 of reviews.default.svc.cluster.local']);
  assert.match(
    said().join('\n'),
    /^LAT1901 VirtualService: subset v2 \S+ reviews\.default\S+ does not exist: this object takes effect when/,
  );
  assert.deepEqual(succession.forms(), { forms: [], absent: [routeRef] });
  change([routes('reviews', 'v3')]);
  assert.equal(leads(), 'outbound|80||reviews.default');
  change([rule('v3')]);
  assert.deepEqual([leads(), succession.forms()], ['outbound|80|v3|reviews.default', nothing]);
});

test('a new rule that waits goes on waiting after a restart, and may be deleted', () => {
  const before = setUp();
  before.change([service('reviews')]);
  before.change([routes('reviews', 'v2')]);
  const after = setUp(before.succession.forms());
  after.change([service('reviews'), routes('reviews', 'v2')]);
  assert.equal(after.leads(), 'outbound|80||reviews.default');
  after.change([], [routeRef]);
  assert.deepEqual([after.leads(), after.succession.forms()], ['outbound|80||reviews.default', nothing]);
});

const external = (host: string, name = 'external') =>
  object('VirtualService', name, { hosts: [host], http: [{ route: [{ destination: { host: 'egress' } }] }] });

test('a new rule for a host outside of the mesh waits, one that comes with its service does not', () => {
  const { change, succession } = setUp();
  change([service('reviews')]);
  change([external('www.example.com'), service('ratings'), external('ratings', 'with')]);
  assert.deepEqual(
    succession.waiting().map(({ name }) => name),
    ['external'],
  );
});

test('a new rule at a gateway waits where others rule the same host', () => {
  const at = (name: string, hosts: string[], host: string) =>
    object('VirtualService', name, { hosts, gateways: ['edge'], http: [{ route: [{ destination: { host } }] }] });
  const { change, succession } = setUp();
  change([service('reviews')]);
  change([at('first', ['a.example.com'], 'nowhere')]);
  change([at('second', ['*.example.com'], 'nowhere'), at('third', ['b.example.org'], 'nowhere')]);
  assert.deepEqual(
    succession.waiting().map(({ name }) => name),
    ['second'],
  );
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
  assert.deepEqual([leads(), subsets(), succession.forms()], ['outbound|80||reviews.default', ['v3'], nothing]);
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
  change([service('reviews'), routes('ratings', '')]);
  change([routes('reviews', 'v2')]);
  assert.equal(leads(), v2);
});

test('a service that is deleted stays until the last rule lets go of it, with the subsets that are used', () => {
  const { change, leads, said, store, succession } = setUp();
  const policy = object('DestinationRule', 'ratings', { host: 'ratings', subsets: [{ name: 'v1', labels: { version: 'v1' } }] });
  change([service('reviews'), service('ratings'), policy, routes('ratings', 'v1')]);
  change([], [refOf(service('ratings'))]);
  assert.equal(leads(), 'outbound|80|v1|ratings.default');
  assert.match(said().join('\n'), /^LAT1902 VirtualService: host ratings\.default\S+ is not defined any more: it stays/);
  assert.equal(store.get(refOf(service('ratings'))), undefined, 'what is shown is what there is');
  change([], [refOf(policy)]);
  assert.equal(leads(), 'outbound|80|v1|ratings.default');
  assert.deepEqual(
    succession
      .forms()
      .forms.map(({ kind, metadata }) => `${kind} ${metadata.name}`)
      .sort(),
    ['DestinationRule ratings', 'Service ratings'],
  );
  const after = setUp(succession.forms());
  after.change([service('reviews'), routes('ratings', 'v1')]);
  assert.equal(after.leads(), 'outbound|80|v1|ratings.default');
  change([routes('reviews', '')]);
  assert.deepEqual([leads(), said(), succession.forms()], ['outbound|80||reviews.default', [], nothing]);
});

test('a host and a port that a ServiceEntry lets go of stay while they are used', () => {
  const entry = (hosts: string[], ...ports: number[]) =>
    object('ServiceEntry', 'outside', {
      hosts,
      resolution: 'DNS',
      ports: ports.map((number) => ({ number, name: `http-${number}`, protocol: 'HTTP' })),
    });
  const to = (...destinations: [host: string, port: number][]) =>
    object('VirtualService', 'reviews', {
      hosts: ['reviews'],
      http: destinations.map(([host, port]) => ({ route: [{ destination: { host, port: { number: port } } }] })),
    });
  const { change, store, said } = setUp();
  change([service('reviews'), entry(['a.example', 'b.example'], 80, 81), to(['a.example', 80], ['b.example', 81])]);
  change([entry(['a.example', 'c.example'], 80)]);
  const inEffect = () => {
    const found = store.inEffect('networking.istio.io', 'ServiceEntry').get('default/outside');
    assert.ok(found);
    const { spec } = found.body as {
      readonly spec: { readonly hosts: string[]; readonly ports: { readonly number: number }[] };
    };
    return [spec.hosts, spec.ports.map(({ number }) => number)];
  };
  assert.deepEqual(inEffect(), [
    ['a.example', 'c.example', 'b.example'],
    [80, 81],
  ]);
  assert.equal(said().length, 1);
  change([to(['a.example', 80])]);
  assert.deepEqual(inEffect(), [['a.example', 'c.example'], [80]]);
});

test('a Gateway whose new Secret does not exist yet keeps its earlier form', async () => {
  const issuer = await authority('test');
  const secret = async (name: string) =>
    decode(
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace: 'istio-system' },
        stringData: secretOf(await leaf(issuer, { dnsNames: ['example.com'] })),
      },
      originOf('test'),
    ).object;
  const [first, second] = [await secret('first'), await secret('second')];
  assert.ok(first && second);
  const gateway = (...credentials: string[]) =>
    object('Gateway', 'edge', {
      selector: { istio: 'ingressgateway' },
      servers: credentials.map((credentialName, index) => ({
        port: { number: 443 + index, name: `https-${index}`, protocol: 'HTTPS' },
        hosts: ['*'],
        tls: { mode: 'SIMPLE', credentialName },
      })),
    });
  const { change, store, succession, said } = setUp();
  const servers = () => {
    const form = store.inEffect('networking.istio.io', 'Gateway').get('default/edge');
    return JSON.stringify(form?.body).match(/first|second/g);
  };
  change([first, gateway('first')]);
  change([gateway('second')]);
  assert.deepEqual(
    [servers(), succession.waits(refOf(gateway('first')))],
    [['first'], ['Secret second with a certificate and key']],
  );
  assert.match(said().join(), /^LAT1901 Gateway: Secret second with a certificate and key does not exist: the earlier form/);
  change([second]);
  assert.deepEqual([servers(), said()], [['second'], []]);
});

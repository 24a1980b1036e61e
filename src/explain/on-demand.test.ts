import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../api/decode.ts';
import { meshConfigDefaults } from '../api/mesh-config.ts';
import { originOf } from '../api/object.ts';
import { compileProxy } from '../compile/compile.ts';
import { computedName, nameScript, readNameScript } from '../compile/demand/computed-name.ts';
import type { Delivery } from '../compile/configuration.ts';
import { parseNode } from '../compile/node.ts';
import { compiledConfiguration } from './configuration.ts';
import { explain } from './explain.ts';
import type { Request } from './request.ts';

const service = (name: string, clusterIP: string, ports: object[]) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop' },
  spec: { clusterIP, selector: { app: name }, ports },
});
const objects = [
  service('reviews', '10.96.0.7', [{ name: 'http', port: 9080 }]),
  service('db', '10.96.0.8', [{ name: 'tcp', port: 5432 }]),
  service('unsaid', '10.96.0.9', [{ name: 'unsaid', port: 7000 }]),
].flatMap((document) => decode(document, originOf('test')).object ?? []);

const node = parseNode({ id: 'sidecar~10.1.0.9~caller.shop~shop.svc.cluster.local', metadata: { NAMESPACE: 'shop' } });
if (typeof node === 'string') assert.fail(node);
const compiled = (delivery: Delivery) => compileProxy({ objects, meshConfig: meshConfigDefaults(), node, delivery });
const [eager, demand] = [compiled('eager'), compiled('demand')];

const to = (address: string, port: number) => ({
  entry: 'outbound' as const,
  destination: { address, port },
  source: { address: '10.1.0.9' },
});
const http = (authority: string, address: string, port: number): Request => ({
  kind: 'http',
  ...to(address, port),
  version: 'HTTP/1.1',
  method: 'GET',
  authority,
  path: '/',
  headers: [],
});

const cases: readonly (readonly [what: string, request: Request, cluster: string])[] = [
  ['a host', http('reviews', '10.96.0.7', 9080), 'outbound|9080||reviews.shop.svc.cluster.local'],
  [
    'a full host',
    http('Reviews.shop.svc.cluster.local.:9080', '10.96.0.7', 9080),
    'outbound|9080||reviews.shop.svc.cluster.local',
  ],
  ['bytes', { kind: 'tcp', ...to('10.96.0.8', 5432) }, 'outbound|5432||db.shop.svc.cluster.local'],
  ['detected HTTP', http('anything', '10.96.0.9', 7000), 'outbound|7000||unsaid.shop.svc.cluster.local'],
];

for (const [what, request, cluster] of cases) {
  test(`on demand ${what} leads to the service that the eager form has`, () => {
    const [first] = targets(compiledConfiguration(eager), request);
    assert.equal(first?.cluster, cluster);
    const [called] = targets(compiledConfiguration(demand, eager), request);
    // By name it is the same; by address the dialled one is in its place.
    const { destination } = request;
    const [, port] = cluster.split('|');
    assert.ok([cluster, `outbound|${port}||${destination.address}`].includes(called?.cluster ?? ''), String(called?.cluster));
  });
}

function targets(configuration: Parameters<typeof explain>[0], request: Request) {
  const { outcome } = explain(configuration, request);
  if (outcome.kind !== 'forwarded') assert.fail(JSON.stringify(outcome));
  return outcome.targets;
}

test('the script is read back as what it was made for, and no other is', () => {
  const made = { port: 80, namespace: 'shop', domain: 'cluster.local' };
  assert.deepEqual(readNameScript(nameScript(made)), made);
  assert.equal(readNameScript(`${nameScript(made)} `), undefined);
  assert.equal(readNameScript('function envoy_on_route(handle) return "a" end'), undefined);
  const names = ['a', 'a.other', 'A.other.svc.cluster.local:80', '10.0.0.1:80', '[2001:db8::1]:80'].map((host) =>
    computedName(made, host),
  );
  assert.deepEqual(names, [
    'outbound|80||a.shop.svc.cluster.local',
    'outbound|80||a.other.svc.cluster.local',
    'outbound|80||a.other.svc.cluster.local',
    'outbound|80||10.0.0.1',
    'outbound|80||2001:db8::1',
  ]);
});

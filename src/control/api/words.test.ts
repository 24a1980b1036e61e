import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decode } from '../../api/decode.ts';
import { meshConfigDefaults } from '../../api/mesh-config.ts';
import { storeOf } from '../../compile/compile.ts';
import { readManifest } from '../../sources/manifest.ts';
import type { WordsQuery } from './contract.ts';
import { wordsOf } from './words.ts';

const manifests = `apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {clusterIP: 10.96.0.5, ports: [{name: http, port: 9080}, {name: tcp-admin, port: 81}, {name: dns, port: 53, protocol: UDP}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {clusterIP: 10.96.0.6, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api}
spec: {hosts: [api.example.com], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: wild}
spec: {hosts: ['*.wild.example'], ports: [{number: 443, name: tls, protocol: TLS}], resolution: NONE}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop, namespace: shop}
spec: {hosts: [shop.example], gateways: [edge], http: [{route: [{destination: {host: cart}}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews-v1}
spec: {selector: {matchLabels: {app: r}}, template: {metadata: {labels: {app: r}}, spec: {containers: [{name: r, image: r}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: cart-0, namespace: shop, ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: cart, uid: u}]}
spec: {containers: [{name: c, image: c}]}
`;
const objects = readManifest(manifests, 'mesh.yaml', decode).items.flatMap(({ object }) => object ?? []);
const store = storeOf({ objects, meshConfig: meshConfigDefaults() });

describe('words', () => {
  const cases: readonly (readonly [query: WordsQuery, words: readonly string[]])[] = [
    [{ of: 'workloads' }, ['cart-0.shop', 'cart.shop', 'reviews-v1']],
    [{ of: 'workloads', namespace: 'shop' }, ['cart', 'cart-0']],
    [{ of: 'namespaces' }, ['default', 'shop']],
    [{ of: 'hosts' }, ['api.example.com', 'cart.shop', 'reviews']],
    [{ of: 'hosts', namespace: 'shop', prefix: 're' }, ['reviews.default']],
    [{ of: 'addresses' }, ['api.example.com:443', 'cart.shop:80', 'reviews:81', 'reviews:9080']],
    [{ of: 'urls' }, ['http://cart.shop/', 'http://reviews:9080/', 'http://shop.example/', 'https://api.example.com/']],
    [{ of: 'objects', kind: 'svc', namespace: 'shop' }, ['cart']],
    [{ of: 'objects', kind: 'vs,se' }, ['api', 'wild']],
  ];
  for (const [query, words] of cases)
    it(`are those of ${JSON.stringify(query)}`, () => assert.deepEqual(wordsOf(query, store), words));

  it('of a kind that nobody knows are refused', () => {
    assert.throws(() => wordsOf({ of: 'objects', kind: 'vss' }, store), /there is no kind vss/);
  });
});

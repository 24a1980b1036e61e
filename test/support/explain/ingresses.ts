// Ingresses at random: hosts and paths of Kubernetes' older form, for the same gateway as the others.

import fc from 'fast-check';
import { often, oneOf, upTo } from './arbitrary.ts';
import type { Document } from './world.ts';

const backend = oneOf<object>(
  { service: { name: 'reviews', port: { number: 9080 } } },
  { service: { name: 'reviews', port: { name: 'http' } } },
  { service: { name: 'ratings', port: { number: 8000 } } },
  { service: { name: 'nobody', port: { number: 80 } } },
);

const path = fc.record({
  path: oneOf('/', '/a', '/a/', '/a/b', '/api', '/b'),
  pathType: oneOf('Exact', 'Prefix', 'Prefix', 'ImplementationSpecific'),
  backend,
});

const rule = fc
  .tuple(oneOf(undefined, 'shop.example', 'shop.example', '*.example', 'api.ext.example'), upTo(3, path, 1))
  .map(([host, paths]) => ({ ...(host && { host }), http: { paths } }));

const ingress = fc
  .tuple(
    upTo(3, rule, 1),
    often<object>([4, fc.constant({})], [1, backend.map((defaultBackend) => ({ defaultBackend }))]),
    often<object>([2, fc.constant({})], [1, fc.constant({ tls: [{ hosts: ['shop.example'], secretName: 'site' }] })]),
  )
  .map(([rules, fallback, tls]) => ({ ingressClassName: 'istio', rules, ...fallback, ...tls }));

/** None at all in most scenes. */
export const ingresses: fc.Arbitrary<Document[]> = often<Document[]>(
  [5, fc.constant([])],
  [
    1,
    upTo(2, ingress, 1).map((list) =>
      list.map((spec, index) => ({
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        metadata: { name: `paths-${index}`, namespace: 'default' },
        spec,
      })),
    ),
  ],
);

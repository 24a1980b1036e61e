// Sidecars at random: what a workload may call, and what it serves where.

import fc from 'fast-check';
import { often, oneOf, someOf, sparse, upTo } from './arbitrary.ts';
import { object, targetPorts, type Document } from './world.ts';

const text = (...values: readonly string[]) => oneOf(...values);

const sidecarHosts = ['./*', '*/*', 'shop/*', '*/api.ext.example', 'default/reviews.default.svc.cluster.local', '~/*'];

export const sidecars: fc.Arbitrary<Document[]> = often<Document[]>(
  [5, fc.constant([])],
  [
    1,
    fc
      .tuple(
        upTo(
          2,
          fc
            .tuple(
              someOf(sidecarHosts),
              often<object>(
                [3, fc.constant({})],
                [
                  1,
                  oneOf<object>({ number: 9080, protocol: 'HTTP', name: 'http' }, { number: 5432, protocol: 'TCP', name: 'tcp' }),
                ],
              ),
            )
            .map(([hosts, port]) => ({ hosts, ...('number' in port && { port }) })),
          1,
        ),
        often<object>(
          [2, fc.constant({})],
          [1, text('REGISTRY_ONLY', 'ALLOW_ANY').map((of) => ({ outboundTrafficPolicy: { mode: of } }))],
        ),
      )
      .map(([egress, policy]) => [object('networking.istio.io/v1', 'Sidecar', 'default', 'default', { egress, ...policy })]),
  ],
);

const { http, auto, grpc, tcp } = targetPorts;

const served = fc
  .tuple(
    oneOf<object>(
      { number: http, protocol: 'HTTP', name: 'http' },
      { number: http, protocol: 'HTTP2', name: 'http2' },
      { number: auto, protocol: 'TCP', name: 'tcp' },
      { number: grpc, protocol: 'GRPC', name: 'grpc' },
      { number: tcp, protocol: 'TCP', name: 'tcp' },
      { number: http, name: 'any' },
    ),
    oneOf(undefined, `127.0.0.1:${auto}`, `127.0.0.1:${http}`, `0.0.0.0:${http}`),
    sparse({ connectionPool: fc.constant({ http: { http2MaxRequests: 500 } }) }, 4),
  )
  .map(([port, defaultEndpoint, more]) => ({ port, ...(defaultEndpoint && { defaultEndpoint }), ...more }));

/** Of the pods that are called. */
export const servingSidecars: fc.Arbitrary<Document[]> = often<Document[]>(
  [5, fc.constant([])],
  [
    1,
    fc.tuple(text('default', 'shop'), upTo(2, served, 1), fc.boolean()).map(([namespace, ingress, selects]) => [
      object('networking.istio.io/v1', 'Sidecar', 'serving', namespace, {
        ...(selects && { workloadSelector: { labels: { app: namespace === 'shop' ? 'api' : 'reviews' } } }),
        ingress,
        egress: [{ hosts: ['*/*'] }],
      }),
    ]),
  ],
);

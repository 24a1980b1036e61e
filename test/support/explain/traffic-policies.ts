// DestinationRules at random: subsets, balancing with and without regard to places, pools, TLS; for the host, a subset or a port.

import fc from 'fast-check';
import { often, oneOf, sparse, upTo } from './arbitrary.ts';
import { object, type Document } from './world.ts';

const text = (...values: readonly string[]) => oneOf(...values);

const places = oneOf<object>(
  { enabled: true },
  { enabled: false },
  { distribute: [{ from: 'r1/*', to: { 'r1/z1/*': 70, 'r2/*': 30 } }] },
  { distribute: [{ from: 'r1/z1/s1', to: { 'r2/z1/*': 100 } }] },
  { distribute: [{ from: '*', to: { 'r1/*': 1, 'r3/*': 99 } }] },
  { failover: [{ from: 'r1', to: 'r2' }] },
  { failover: [{ from: 'r1', to: 'r3' }] },
  { failoverPriority: ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone'] },
  { failoverPriority: ['version'] },
  { failoverPriority: ['version=v2', 'topology.istio.io/network'] },
);

const loadBalancer = fc
  .tuple(
    oneOf<object>(
      { simple: 'ROUND_ROBIN' },
      { simple: 'RANDOM' },
      { simple: 'LEAST_REQUEST' },
      { simple: 'PASSTHROUGH' },
      { consistentHash: { httpHeaderName: 'x-user' } },
      { consistentHash: { httpQueryParameterName: 'q' } },
      { consistentHash: { useSourceIp: true } },
      { consistentHash: { httpCookie: { name: 'user', ttl: '0s' } } },
      { consistentHash: { httpHeaderName: 'x-version', maglev: {} } },
      {},
    ),
    often<object>([3, fc.constant({})], [2, places.map((localityLbSetting) => ({ localityLbSetting }))]),
  )
  .map(([how, where]) => ('simple' in how && how.simple === 'PASSTHROUGH' ? how : { ...how, ...where }));

/** More than are ever on their way at once, and longer than anything takes: what is looked at is not how busy the machine is. */
const connectionPool = oneOf<object>(
  { http: { maxRetries: 100 } },
  { tcp: { connectTimeout: '12s', maxConnections: 500 } },
  { http: { h2UpgradePolicy: 'UPGRADE' } },
  { http: { h2UpgradePolicy: 'DO_NOT_UPGRADE' } },
  { http: { useClientProtocol: true } },
  { http: { maxRequestsPerConnection: 1 } },
  { http: { http2MaxRequests: 500, idleTimeout: '40s' } },
);

const tls = oneOf<object>(
  { mode: 'DISABLE' },
  { mode: 'ISTIO_MUTUAL' },
  { mode: 'SIMPLE', sni: 'secure.example' },
  { mode: 'SIMPLE', sni: 'Secure.example' },
  { mode: 'SIMPLE', insecureSkipVerify: true },
  { mode: 'SIMPLE', subjectAltNames: ['secure.example'] },
);

/** What is allowed to fail before a server counts as down never happens here. */
const outlierDetection = oneOf<object>(
  { consecutive5xxErrors: 10_000 },
  { consecutive5xxErrors: 0, consecutiveGatewayErrors: 0 },
);

const settings = { loadBalancer, connectionPool, tls, outlierDetection };

const trafficPolicy = fc
  .tuple(
    sparse(settings, 4),
    often<object | undefined>(
      [4, fc.constant(undefined)],
      [1, fc.tuple(oneOf(9080, 80, 7070), sparse(settings, 2)).map(([number, own]) => ({ port: { number }, ...own }))],
    ),
  )
  .map(([whole, port]) => ({ ...whole, ...(port && { portLevelSettings: [port] }) }));

const destinationRule = fc
  .tuple(
    text(
      'reviews.default.svc.cluster.local',
      'reviews',
      'reviews.default.svc.cluster.local',
      'ratings.default.svc.cluster.local',
      'api.shop.svc.cluster.local',
      '*.default.svc.cluster.local',
      '*.svc.cluster.local',
      'api.ext.example',
      '*.ext.example',
    ),
    text('default', 'default', 'shop', 'istio-system'),
    fc.subarray(['v1', 'v2', 'v3', 'none'], { minLength: 1 }),
    trafficPolicy,
    trafficPolicy,
    sparse(
      {
        exportTo: oneOf(['*'], ['.'], ['default', 'edge']),
        workloadSelector: oneOf<object>({ matchLabels: { app: 'sleep' } }, { matchLabels: { app: 'other' } }),
      },
      8,
    ),
  )
  .map(([host, namespace, versions, policy, own, whom]) => ({
    namespace,
    spec: {
      host,
      ...(Object.keys(policy).length > 0 && { trafficPolicy: policy }),
      subsets: versions.map((version, index) => ({
        name: version,
        labels: { version },
        ...(index === 0 && Object.keys(own).length > 0 && { trafficPolicy: own }),
      })),
      ...whom,
    },
  }));

export const destinationRules: fc.Arbitrary<Document[]> = upTo(4, destinationRule).map((list) =>
  list.map(({ namespace, spec }, index) =>
    object('networking.istio.io/v1', 'DestinationRule', `policy-${index}`, namespace, spec),
  ),
);

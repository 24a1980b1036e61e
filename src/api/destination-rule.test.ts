// What DestinationRules may say and may not.

import { kindTable } from './testing/kind-table.ts';

const policy = (text: string): string => `{host: reviews, trafficPolicy: {${text}}}`;

kindTable('networking.istio.io/v1', 'DestinationRule', {
  accepted: [
    '{host: reviews}',
    "{host: '*.example.com', exportTo: ['.']}",
    '{host: reviews, subsets: [{name: v1, labels: {version: v1}}, {name: v2, trafficPolicy: {tls: {mode: DISABLE}}}]}',
    policy('loadBalancer: {consistentHash: {httpCookie: {name: user, ttl: 0s}, maglev: {tableSize: 65537}}}'),
    policy('connectionPool: {tcp: {maxConnections: 100, connectTimeout: 30ms}, http: {http2MaxRequests: 1000, idleTimeout: 0s}}'),
    policy('outlierDetection: {consecutive5xxErrors: 7, interval: 5m, baseEjectionTime: 15m, maxEjectionPercent: 100}'),
    policy('tls: {mode: MUTUAL, clientCertificate: /a, privateKey: /b, caCertificates: /c, sni: example.com}'),
    policy('portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: LEAST_REQUEST}}]'),
    policy(
      'loadBalancer: {localityLbSetting: {distribute: [{from: "us-west/zone1/*", to: {"us-west/zone1/*": 80, "us-west/zone2/*": 20}}]}}',
    ),
    '{host: a, workloadSelector: {matchLabels: {app: x}}, trafficPolicy: {tls: {mode: SIMPLE, credentialName: c}}}',
    policy('tunnel: {protocol: CONNECT, targetHost: external.example.com, targetPort: 443}'),
  ],
  warned: [
    ['LAT1206 spec.trafficPolicy.outlierDetection.consecutiveErrors', policy('outlierDetection: {consecutiveErrors: 5}')],
    ['LAT1214 spec.trafficPolicy.tls.credentialName', policy('tls: {mode: SIMPLE, credentialName: c}')],
    [
      'LAT1211 spec.trafficPolicy.tls.insecureSkipVerify',
      policy('tls: {mode: SIMPLE, insecureSkipVerify: true, caCertificates: /a}'),
    ],
    [
      'LAT1209 spec.trafficPolicy.loadBalancer.localityLbSetting',
      policy('loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}]}}'),
    ],
  ],
  refused: [
    ['LAT1004 spec.host', '{}'],
    ['LAT1003 spec.host', '{host: ""}'],
    ['LAT1201 spec.trafficPolicy', policy('')],
    ['LAT1003 spec.trafficPolicy.tls.mode', policy('tls: {mode: STRICT}')],
    ['LAT1210 spec.trafficPolicy.tls', policy('tls: {mode: MUTUAL}')],
    ['LAT1210 spec.trafficPolicy.tls', policy('tls: {mode: SIMPLE, clientCertificate: /a}')],
    ['LAT1210 spec.trafficPolicy.tls', policy('tls: {mode: ISTIO_MUTUAL, caCertificates: /a}')],
    ['LAT1210 spec.trafficPolicy.tls', policy('tls: {mode: SIMPLE, credentialName: a, caCertificates: /a}')],
    ['LAT1203 spec.trafficPolicy', policy('tunnel: {targetHost: a, targetPort: 1}, proxyProtocol: {version: V1}')],
    ['LAT1204 spec.trafficPolicy.connectionPool', policy('connectionPool: {}')],
    ['LAT1204 spec.trafficPolicy.connectionPool.tcp.maxConnections', policy('connectionPool: {tcp: {maxConnections: -1}}')],
    [
      'LAT1204 spec.trafficPolicy.connectionPool.http.http2KeepAlive',
      policy('connectionPool: {http: {http2KeepAlive: {interval: 1s}}}'),
    ],
    ['LAT1003 spec.trafficPolicy.outlierDetection.maxEjectionPercent', policy('outlierDetection: {maxEjectionPercent: 101}')],
    [
      'LAT1205 spec.trafficPolicy.outlierDetection.consecutiveLocalOriginFailures',
      policy('outlierDetection: {consecutiveLocalOriginFailures: 1}'),
    ],
    ['LAT1207 spec.trafficPolicy.loadBalancer', policy('loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}')],
    ['LAT1207 spec.trafficPolicy.loadBalancer.consistentHash', policy('loadBalancer: {consistentHash: {}}')],
    [
      'LAT1207 spec.trafficPolicy.loadBalancer.consistentHash.maglev.tableSize',
      policy('loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 100}}}'),
    ],
    [
      'LAT1208 spec.trafficPolicy.loadBalancer.localityLbSetting.distribute.0.to',
      policy('loadBalancer: {localityLbSetting: {distribute: [{from: a, to: {b: 99}}]}}'),
    ],
    [
      'LAT1208 spec.trafficPolicy.loadBalancer.localityLbSetting.distribute.1.from',
      policy('loadBalancer: {localityLbSetting: {distribute: [{from: a, to: {b: 100}}, {from: a/x, to: {b: 100}}]}}'),
    ],
    [
      'LAT1208 spec.trafficPolicy.loadBalancer.localityLbSetting',
      policy('outlierDetection: {}, loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}], failoverPriority: [x]}}'),
    ],
    [
      'LAT1208 spec.trafficPolicy.loadBalancer.localityLbSetting.failover.0',
      policy('loadBalancer: {localityLbSetting: {failover: [{from: a/z, to: b}]}}'),
    ],
    ['LAT1202 spec.trafficPolicy.portLevelSettings.1', policy('portLevelSettings: [{port: {number: 80}}, {port: {number: 80}}]')],
    ['LAT1212 spec.subsets.1.name', '{host: a, subsets: [{name: v1}, {name: v1}]}'],
    ['LAT1027 spec.subsets.0.labels.version', '{host: a, subsets: [{name: v1, labels: {version: "v*"}}]}'],
    ['LAT1213 spec.exportTo', "{host: a, workloadSelector: {matchLabels: {a: b}}, exportTo: ['*']}"],
  ],
});

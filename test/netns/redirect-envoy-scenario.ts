// What the whole-workload test does inside: a workload with Envoy, calls in and out, the connections that its listeners took.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { signal } from '@preact/signals-core';
import { Cluster_DiscoveryType, Cluster_LbPolicy, ClusterSchema } from '../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema } from '../../gen/envoy/config/listener/v3/listener_pb.js';
import { OriginalDstSchema } from '../../gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js';
import { TcpProxySchema } from '../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { type Resource, versionOf } from '../../src/compile/resource.ts';
import { adminRequest } from '../../src/node/admin.ts';
import { SocketClaims } from '../../src/node/claim.ts';
import { findEnvoy } from '../../src/node/envoy-binary.ts';
import { defaultCapture } from '../../src/node/redirect/capture-options.ts';
import { spawnBehind } from '../../src/node/spawn-behind.ts';
import { WorkloadProxy } from '../../src/node/workload-proxy.ts';
import { adsHandlers } from '../../src/xds/ads.ts';
import { fixedCompiler } from '../support/fixed-compiler.ts';
import { calls, World } from './redirect-world.ts';

const [knownBy, prefix] = process.argv.slice(2) as ['uid' | 'mark', string];

function resource<Schema extends DescMessage>(name: string, schema: Schema, init: MessageInitShape<Schema>): [string, Resource] {
  const bytes = toBinary(schema, create(schema, init));
  return [name, { name, bytes, version: versionOf(bytes), causes: [] }];
}

const at = (address: string, port: number) => ({
  address: { case: 'socketAddress' as const, value: { address, portSpecifier: { case: 'portValue' as const, value: port } } },
});

const toCluster = (statPrefix: string, cluster: string) => ({
  name: 'envoy.filters.network.tcp_proxy',
  configType: {
    case: 'typedConfig' as const,
    value: anyPack(TcpProxySchema, create(TcpProxySchema, { statPrefix, clusterSpecifier: { case: 'cluster', value: cluster } })),
  },
});

const originalDst = {
  name: 'envoy.filters.listener.original_dst',
  configType: { case: 'typedConfig' as const, value: anyPack(OriginalDstSchema, create(OriginalDstSchema)) },
};

const service = '10.77.0.1';

const listeners = new Map([
  resource('virtualOutbound', ListenerSchema, {
    name: 'virtualOutbound',
    address: at('0.0.0.0', 15001),
    additionalAddresses: [{ address: at('::', 15001) }],
    listenerFilters: [originalDst],
    filterChains: [
      {
        filterChainMatch: { prefixRanges: [{ addressPrefix: service, prefixLen: 32 }] },
        filters: [toCluster('outbound', 'own')],
      },
    ],
    defaultFilterChain: { filters: [toCluster('outbound', 'PassthroughCluster')] },
  }),
  resource('virtualInbound', ListenerSchema, {
    name: 'virtualInbound',
    address: at('0.0.0.0', 15006),
    additionalAddresses: [{ address: at('::', 15006) }],
    listenerFilters: [originalDst],
    filterChains: [{ filters: [toCluster('inbound', 'InboundPassthroughCluster')] }],
  }),
]);

const passthrough = {
  clusterDiscoveryType: { case: 'type' as const, value: Cluster_DiscoveryType.ORIGINAL_DST },
  lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
};

const clusters = new Map([
  resource('PassthroughCluster', ClusterSchema, { name: 'PassthroughCluster', ...passthrough }),
  resource('InboundPassthroughCluster', ClusterSchema, {
    name: 'InboundPassthroughCluster',
    ...passthrough,
    upstreamBindConfig: {
      sourceAddress: { address: '127.0.0.6', portSpecifier: { case: 'portValue', value: 0 } },
      extraSourceAddresses: [{ address: { address: '::6', portSpecifier: { case: 'portValue', value: 0 } } }],
    },
  }),
  resource('own', ClusterSchema, {
    name: 'own',
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    loadAssignment: {
      clusterName: 'own',
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address: at('10.88.0.1', 8080) } } }] }],
    },
  }),
]);

const compiler = fixedCompiler(listeners, clusters);

const folder = mkdtempSync(join(tmpdir(), 'lt-'));
// The proxy's user passes through it.
chmodSync(folder, 0o711);
await using world = new World(prefix, knownBy);
try {
  world.start();
  await world.serve('app', [8080]);
  await world.serve('peer', [80]);
  const claims = new SocketClaims();
  using ads = adsHandlers({ compiler, authorize: (node, call) => claims.authorize(node, call) });
  await using proxy = new WorkloadProxy(
    {
      kind: 'sidecar',
      name: 'app-0',
      namespace: 'default',
      serviceAccount: 'app',
      labels: { app: 'app' },
      annotations: {},
      addresses: ['10.88.0.1', 'fd88::1'],
      workloadName: 'app',
      domain: 'cluster.local',
      clusterId: 'Kubernetes',
      meshId: 'cluster.local',
      istioVersion: '1.30.0',
      capture: { ...defaultCapture, proxy: world.proxy },
      runInNamespace: world.run,
      spawnProxy: spawnBehind([...world.inside('app'), ...world.asProxy]),
      runFolder: join(folder, 'w'),
      process: { concurrency: 1, drainSeconds: 1 },
      bootstrap: { statsPrefixes: ['tcp.'] },
    },
    {
      envoy: await findEnvoy(),
      identity: {
        id: { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'app' },
        credential: signal(undefined),
        lastError: signal(undefined),
        start: async () => {},
        [Symbol.asyncDispose]: async () => {},
      },
      ads: ads.handlers,
      claims,
      onError: (error) => console.error(error),
    },
  );
  await proxy.start();
  await proxy.ready();

  const counts = async () => {
    const { body } = await adminRequest(proxy.adminSocket ?? '', 'GET', '/stats?filter=downstream_cx_total');
    const of = (side: string) => Number(new RegExp(`^tcp\\.${side}\\.downstream_cx_total: (\\d+)$`, 'm').exec(body)?.[1] ?? 0);
    return { outbound: of('outbound'), inbound: of('inbound') };
  };
  const results: Record<string, unknown> = {};
  const own = calls('app', 'app', `${service}:8080`);
  const questions = [
    ...calls('app', 'app', '10.88.0.2:80', '[fd88::2]:80', '10.88.0.1:8080'),
    ...calls('peer', 'app', '10.88.0.1:8080', '[fd88::1]:8080'),
    ...own,
  ];
  for (const question of questions) {
    const before = await counts();
    const [[key, answer] = []] = Object.entries(await world.ask([question]));
    const after = await counts();
    const via = { outbound: after.outbound - before.outbound, inbound: after.inbound - before.inbound };
    results[own.includes(question) ? 'app -> own service, which is 10.88.0.1:8080' : (key ?? '')] = { answer, via };
  }

  await proxy.stop({ graceful: false });
  const [direct] = Object.values(await world.ask(calls('peer', 'app', '10.88.0.1:8080')));
  results['peer -> 10.88.0.1:8080, after the end'] = { answer: direct };
  console.log(JSON.stringify(results));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

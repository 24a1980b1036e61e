// The bootstrap of one workload's Envoy: who it is, and the Unix socket where its configuration and certificates come from.

import { create, createRegistry, type MessageInitShape, type Registry, toJsonString } from '@bufbuild/protobuf';
import { anyPack, type Duration, DurationSchema, StructSchema } from '@bufbuild/protobuf/wkt';
import { type Bootstrap, BootstrapSchema } from '../../gen/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { CircuitBreakersSchema } from '../../gen/envoy/config/cluster/v3/circuit_breaker_pb.js';
import { type Cluster, Cluster_DiscoveryType, ClusterSchema } from '../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { ApiVersion } from '../../gen/envoy/config/core/v3/config_source_pb.js';
import { ApiConfigSource_ApiType } from '../../gen/envoy/config/core/v3/config_source_pb.js';
import { SocketOption_SocketState } from '../../gen/envoy/config/core/v3/socket_option_pb.js';
import { InternalListenerSchema } from '../../gen/envoy/extensions/bootstrap/internal_listener/v3/internal_listener_pb.js';
import { RouterSchema } from '../../gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { HttpConnectionManagerSchema } from '../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { DownstreamConnectionsConfigSchema } from '../../gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.js';
import { HttpProtocolOptionsSchema } from '../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { localCluster } from '../compile/names.ts';
import { isSet } from '../compile/node.ts';
import { NodeError } from './node-error.ts';
import { ownListeners } from './own-listeners.ts';
import { recordsCluster } from '../compile/listener/access-record.ts';
import { type ProxyDescription, proxyNode } from './proxy-node.ts';
import { proxyStats } from './proxy-stats.ts';

export interface BootstrapSpec {
  readonly proxy: ProxyDescription;
  /** The Unix socket of the host agent, for this workload alone: ADS and SDS. */
  readonly agentSocket: string;
  /** The Unix socket where Envoy serves its admin interface; it has no TCP port, so the application cannot reach it. */
  readonly adminSocket: string;
  /** SO_MARK on every upstream socket, where capture rules know the proxy by a mark. Needs CAP_NET_ADMIN. */
  readonly mark?: number;
  /** Downstream connections over which new ones are refused. */
  readonly maxConnections?: number | undefined;
  /** Stats to keep besides those of `proxyStats`, by the beginning of their names. */
  readonly statsPrefixes?: readonly string[];
  /** The same, by the end of their names, and by expressions for whole names. */
  readonly statsSuffixes?: readonly string[];
  readonly statsRegexps?: readonly string[];
  /** Envoy's runtime flags. */
  readonly runtime?: Readonly<Record<string, string>>;
  /** Changes what was made, and knows the types that it brings. */
  readonly amend?: Amendment | undefined;
}

export interface Amendment {
  apply(made: Bootstrap): Bootstrap;
  readonly types: Registry;
}

const registry = createRegistry(
  BootstrapSchema,
  DownstreamConnectionsConfigSchema,
  HttpConnectionManagerSchema,
  HttpProtocolOptionsSchema,
  InternalListenerSchema,
  RouterSchema,
  StructSchema,
);

/** The cluster names that Istio gives to the agent's two services; both are the workload's one socket. */
const adsCluster = 'xds-grpc';
const sdsCluster = 'sds-grpc';
const adminCluster = 'admin';

function bootstrap(spec: BootstrapSpec): Bootstrap {
  const { proxy, agentSocket, adminSocket, mark, maxConnections = 50_000, runtime = {} } = spec;
  const discoversItself = proxy.kind === 'sidecar' && isSet(proxy.metadata?.['ENABLE_SELF_DISCOVERY']);
  const { statsPrefixes = [], statsSuffixes = [], statsRegexps = [] } = spec;
  return create(BootstrapSchema, {
    node: proxyNode(proxy),
    admin: { address: { address: { case: 'pipe', value: { path: adminSocket, mode: 0o600 } } } },
    dynamicResources: {
      adsConfig: {
        apiType: ApiConfigSource_ApiType.DELTA_GRPC,
        transportApiVersion: ApiVersion.V3,
        setNodeOnFirstMessageOnly: true,
        grpcServices: [{ targetSpecifier: { case: 'envoyGrpc', value: { clusterName: adsCluster, retryPolicy: soonAgain } } }],
      },
      cdsConfig: fromAds,
      ldsConfig: fromAds,
    },
    staticResources: {
      clusters: [
        socketCluster(adsCluster, agentSocket, 'http2'),
        socketCluster(sdsCluster, agentSocket, 'http2'),
        socketCluster(adminCluster, adminSocket, 'http1'),
        ...(proxy.records === true ? [recordCluster(agentSocket)] : []),
        ...(discoversItself ? [ownCluster] : []),
      ],
      listeners: ownListeners(proxy.addresses, adminCluster),
    },
    clusterManager: {
      ...(discoversItself && { localClusterName: localCluster }),
      // Worker threads make their part of a cluster when it is first called: most are never called.
      enableDeferredClusterCreation: true,
      ...(mark !== undefined && { upstreamBindConfig: { socketOptions: [markOption(mark)] } }),
    },
    ...proxyStats({ prefixes: statsPrefixes, suffixes: statsSuffixes, regexps: statsRegexps }),
    layeredRuntime: {
      layers: [
        {
          name: 'static',
          layerSpecifier: { case: 'staticLayer', value: { 're2.max_program_size.error_level': 32768, ...runtime } },
        },
        { name: 'admin', layerSpecifier: { case: 'adminLayer', value: {} } },
      ],
    },
    overloadManager: {
      resourceMonitors: [
        {
          name: 'envoy.resource_monitors.global_downstream_max_connections',
          configType: {
            case: 'typedConfig',
            value: anyPack(
              DownstreamConnectionsConfigSchema,
              create(DownstreamConnectionsConfigSchema, { maxActiveDownstreamConnections: BigInt(maxConnections) }),
            ),
          },
        },
      ],
    },
    bootstrapExtensions: [
      {
        name: 'envoy.bootstrap.internal_listener',
        typedConfig: anyPack(InternalListenerSchema, create(InternalListenerSchema)),
      },
    ],
  });
}

/** The bootstrap as the JSON file that Envoy reads. */
export function bootstrapJson(spec: BootstrapSpec): string {
  try {
    const made = bootstrap(spec);
    if (spec.amend === undefined) return toJsonString(BootstrapSchema, made, { registry, prettySpaces: 2 });
    return toJsonString(BootstrapSchema, spec.amend.apply(made), { registry: spec.amend.types, prettySpaces: 2 });
  } catch (cause) {
    const { name, namespace } = spec.proxy;
    throw new NodeError('LAT0808', `no bootstrap can be made for ${name}.${namespace}`, 'check its labels and metadata', {
      cause,
    });
  }
}

const milliseconds = (count: number): Duration =>
  create(DurationSchema, { seconds: BigInt(Math.floor(count / 1000)), nanos: (count % 1000) * 1e6 });

/**
 * A proxy without configuration must not count as ready, so it waits for as long as its control plane takes (0 means that
 * to Envoy; after its default of 15 s each it would come up empty, and refuse every captured connection).
 */
const fromAds = {
  configSourceSpecifier: { case: 'ads' as const, value: {} },
  resourceApiVersion: ApiVersion.V3,
  initialFetchTimeout: milliseconds(0),
};

/** The workload's own service: what Envoy's zone-aware load balancing compares others with. It must not hold the start up. */
const ownCluster = create(ClusterSchema, {
  name: localCluster,
  clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
  edsClusterConfig: { edsConfig: { ...fromAds, initialFetchTimeout: milliseconds(1000) }, serviceName: localCluster },
});

/** The socket is on this host: a restarted agent should not wait for Envoy's default back-off of up to 30 s. */
const soonAgain = { retryBackOff: { baseInterval: milliseconds(200), maxInterval: milliseconds(2000) } };

/** `longest`: milliseconds after which a call that is not answered is given up; undefined: it may last. */
function socketCluster(name: string, path: string, protocol: 'http1' | 'http2', longest?: number): Cluster {
  const http2 = create(HttpProtocolOptionsSchema, {
    ...(longest !== undefined && { commonHttpProtocolOptions: { maxStreamDuration: milliseconds(longest) } }),
    upstreamProtocolOptions: {
      case: 'explicitHttpConfig',
      value: { protocolConfig: { case: 'http2ProtocolOptions', value: {} } },
    },
  });
  const endpoint = { address: { address: { case: 'pipe' as const, value: { path } } } };
  const cluster: MessageInitShape<typeof ClusterSchema> = {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout: milliseconds(1000),
    loadAssignment: {
      clusterName: name,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: endpoint } }] }],
    },
    ...(protocol === 'http2' && {
      typedExtensionProtocolOptions: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': anyPack(HttpProtocolOptionsSchema, http2),
      },
    }),
  };
  return create(ClusterSchema, cluster);
}

/**
 * Access records go their own way, so that configuration never waits behind them. With the little that each call holds, the limit
 * on unanswered calls is what they may take of Envoy's memory; over it records are lost. Calls that nobody answers end: Envoy itself
 * would wait for ever.
 */
const recordCluster = (agentSocket: string): Cluster => ({
  ...socketCluster(recordsCluster, agentSocket, 'http2', 5000),
  circuitBreakers: create(CircuitBreakersSchema, { thresholds: [{ maxRequests: 16, maxPendingRequests: 16 }] }),
});

/**
 * Linux's SOL_SOCKET and SO_MARK. Clusters with a bind configuration of their own, such as inbound ones that call from
 * 127.0.0.6, do not inherit it: the capture rules know those by their address.
 */
const markOption = (mark: number) => ({
  description: 'known to the capture rules',
  level: 1n,
  name: 36n,
  value: { case: 'intValue' as const, value: BigInt(mark) },
  state: SocketOption_SocketState.STATE_PREBIND,
});

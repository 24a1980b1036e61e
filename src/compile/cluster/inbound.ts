// The clusters behind a sidecar: its own application's ports, reached at the address that callers dialled.

import type { JsonObject } from '@bufbuild/protobuf';
import { Cluster_DiscoveryType, Cluster_LbPolicy, ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { HttpProtocolOptionsSchema } from '../../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { any } from '../../filters/any.ts';
import { duration } from '../../filters/duration.ts';
import { milliseconds } from '../../lib/duration.ts';
import { isHttp2 } from '../../mesh/protocol.ts';
import { resource } from '../encode.ts';
import { socketAddress } from '../listener/chain.ts';
import { nameCache } from '../name-cache.ts';
import {
  blackHoleCluster,
  inboundCluster,
  inboundPassthroughCluster,
  lookedUpCluster,
  passthroughCluster,
  statName,
} from '../names.ts';
import { cause, originKey, originText } from '../origin.ts';
import type { AddressFamilies } from '../node.ts';
import type { OwnPort } from '../own-ports.ts';
import type { Resource } from '../resource.ts';
import { destinationSettings, type View } from '../view.ts';
import { headerCase, keepsCase } from '../proxy-headers.ts';
import { originationSocket, type FileReader } from '../tls.ts';
import { dynamicType } from './outbound.ts';
import { codecOptions, http2Options } from './http-protocol.ts';
import { commonHttpOptions, connectionPoolFields, type ClusterInit, type HttpOptions } from './traffic-policy.ts';
import type { ConnectionPoolSettings } from '../../api/shared/connection-pool.ts';
import type { MeshConfig } from '../../api/mesh-config.ts';

/** Connections to the application leave from an address that redirection lets through (istio.md §4.2, row 2). */
function ownSource({ v4, v6 }: AddressFamilies): ClusterInit {
  const [sourceAddress, ...extra] = [...(v4 ? ['127.0.0.6'] : []), ...(v6 ? ['::6'] : [])].map((address) => ({
    address,
    portSpecifier: { case: 'portValue' as const, value: 0 },
  }));
  return {
    upstreamBindConfig: {
      ...(sourceAddress && { sourceAddress }),
      // Envoy takes the one of the version it connects with.
      ...(extra.length > 0 && { extraSourceAddresses: extra.map((address) => ({ address })) }),
    },
  };
}

const originalDestination: ClusterInit = {
  clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST },
  lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
};

/** `given` are the limits that a Sidecar sets; else those that callers are given hold for the server too: it must have room for them. */
export function inboundPortCluster(
  view: View,
  own: OwnPort,
  families: AddressFamilies,
  given: ConnectionPoolSettings | undefined,
): Resource {
  const { config } = view.mesh;
  const name = inboundCluster(own.target);
  const [first] = own.services;
  const pool = given ?? (first && destinationSettings(view, first.service, first.port.number, '').connectionPool);
  return resource(
    ClusterSchema,
    name,
    {
      name,
      altStatName: statName(name, config.inboundClusterStatName, first && { ...first, subset: '', target: own.target }),
      ...applicationFields(name, own, config, families),
      ...connectionPoolFields(pool, config, undefined),
      ...protocolFields(own, pool, view.config),
      metadata: { filterMetadata: metadata(own) },
    },
    [
      ...own.services.map(({ service }) => cause(service.object)),
      ...(own.ingress === undefined ? [] : [cause(own.ingress.object, own.ingress.path)]),
    ],
  );
}

/** Where the application is: where the Sidecar or the mesh says, else where callers dialled. */
function applicationFields(
  name: string,
  { target, ingress }: OwnPort,
  config: MeshConfig,
  families: AddressFamilies,
): ClusterInit {
  const endpoint = ingress?.endpoint;
  if (endpoint !== undefined) {
    const outward = endpoint.port > 0 && endpoint.address !== '127.0.0.1' && endpoint.address !== '::1';
    return { ...fixed(name, endpoint.address, endpoint.port), ...(outward && ownSource(families)) };
  }
  if (config.inboundTrafficPolicy.mode === 'LOCALHOST') return fixed(name, families.v4 ? '127.0.0.1' : '::1', target);
  return { ...originalDestination, ...ownSource(families) };
}

function fixed(name: string, address: string, port: number): ClusterInit {
  return {
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    loadAssignment: {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: [
            {
              hostIdentifier: {
                case: 'endpoint',
                value: { address: socketAddress(address, port) },
              },
            },
          ],
        },
      ],
    },
  };
}

function protocolFields({ protocol }: OwnPort, pool: ConnectionPoolSettings | undefined, config: MeshConfig): ClusterInit {
  const common = commonHttpOptions(pool);
  const client = protocol === 'Auto' || pool?.http?.useClientProtocol === true;
  const codec = client ? 'client' : isHttp2(protocol) ? 'http2' : 'http1';
  if (codec === 'http1' && common === undefined && !keepsCase(config)) return {};
  return {
    typedExtensionProtocolOptions: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(HttpProtocolOptionsSchema, {
        // An upgrade is between proxies: what the application speaks, only its port and its Sidecar know.
        upstreamProtocolOptions: codecOptions(codec, headerCase(config), http2Options(pool)),
        ...(common && { commonHttpProtocolOptions: common }),
      }),
    },
  };
}

function metadata({ services, ingress }: OwnPort): Record<string, JsonObject> {
  const [first] = services;
  const origin = ingress ?? (first && { object: first.service.object, path: [] });
  const known = new Map(services.map(({ service: { host, name, namespace } }) => [host, { host, name, namespace }]));
  return {
    istio: { services: [...known.values()] },
    ...(origin && { [originKey]: { source: originText(origin.object, origin.path) } }),
  };
}

const eitherHttp = (config: MeshConfig, more: HttpOptions = {}): ClusterInit => ({
  typedExtensionProtocolOptions: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(HttpProtocolOptionsSchema, {
      upstreamProtocolOptions: codecOptions('client', headerCase(config), {}),
      ...more,
    }),
  },
});

/** For what arrives at a port that no service leads to. */
export const inboundPassthrough = (config: MeshConfig, families: AddressFamilies): Resource =>
  resource(ClusterSchema, inboundPassthroughCluster, {
    name: inboundPassthroughCluster,
    ...originalDestination,
    ...ownSource(families),
    ...connectionPoolFields(undefined, config, undefined),
    ...eitherHttp(config),
  });

/** Outbound clusters that every proxy has: for what nobody declared, and for what must go nowhere. */
export function reservedClusters({ config, role, undeclared, families, files }: View): Resource[] {
  const connectTimeout = duration(milliseconds(config.connectTimeout));
  const blackHole = resource(ClusterSchema, blackHoleCluster, {
    name: blackHoleCluster,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout,
  });
  if (role === 'router') return [blackHole];
  const passthrough = resource(ClusterSchema, passthroughCluster, { name: passthroughCluster, ...passthroughInit(config) });
  if (!undeclared.lookedUp) return [blackHole, passthrough];
  const lookedUp = resource(ClusterSchema, lookedUpCluster, {
    name: lookedUpCluster,
    clusterDiscoveryType: dynamicType(nameCache(config, families)),
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    ...connectionPoolFields(undefined, config, undefined),
    ...secured(config, files),
  });
  return [blackHole, passthrough, lookedUp];
}

/** Hosts that nobody declared are called as the mesh says: plainly, or by TLS with the name that a request has. */
function secured(config: MeshConfig, files: FileReader): ClusterInit {
  const { tls } = config.outboundTrafficPolicy;
  // Secrets come to gateways, and to those that a policy selects.
  if (tls === undefined || tls.credentialName || (tls.mode !== 'SIMPLE' && tls.mode !== 'MUTUAL')) return eitherHttp(config);
  const verifies = tls.insecureSkipVerify !== true && !tls.subjectAltNames?.length;
  return {
    ...eitherHttp(config, tls.sni ? {} : { upstreamHttpProtocolOptions: { autoSni: true, autoSanValidation: verifies } }),
    transportSocket: originationSocket(tls, { http2: false, files }),
  };
}

/** To where the caller dialled, in plaintext and without limits. */
export const passthroughInit = (config: MeshConfig): ClusterInit => ({
  ...originalDestination,
  ...connectionPoolFields(undefined, config, undefined),
  ...eitherHttp(config),
});

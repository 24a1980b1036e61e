// One outbound cluster: a port of a service, or of one of its subsets, as a caller reaches it.

import type { JsonObject } from '@bufbuild/protobuf';
import { Cluster_DiscoveryType, ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterConfigSchema } from '../../../gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.js';
import { any } from '../../filters/any.ts';
import type { NameCache } from '../../filters/dynamic-names.ts';
import { milliseconds } from '../../lib/duration.ts';
import { announcedKey, announcedNames } from '../../filters/alpn.ts';
import { duration } from '../../filters/duration.ts';
import type { MeshConfig } from '../../api/mesh-config.ts';
import type { ZoneAwareLoadBalancerSetting } from '../../api/shared/load-balancer.ts';
import type { TrafficPolicy } from '../../api/shared/traffic-policy.ts';
import type { Subset } from '../../mesh/destination-policy.ts';
import type { Endpoint } from '../../mesh/endpoint.ts';
import { matchesLabels } from '../../mesh/labels.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Service, ServicePort } from '../../mesh/service.ts';
import { endpointSource } from '../demand/source.ts';
import { isLookedUp, isUsable, loadAssignment } from '../endpoint.ts';
import { resource } from '../encode.ts';
import { balanceOf, zoneSetting } from '../locality.ts';
import { bufferLimit } from '../listener/connection-settings.ts';
import { lookupFamily, nameCache } from '../name-cache.ts';
import { configPath, outboundCluster, sniName, statName } from '../names.ts';
import { cause, originKey, originText } from '../origin.ts';
import { acrossNetworks, endpointsFor } from '../reached-endpoints.ts';
import type { Cause, Resource } from '../resource.ts';
import { upstreamCodec } from '../route/upstream-codec.ts';
import { adsSource } from '../tls.ts';
import { settingsFor } from '../view.ts';
import { protocolFields } from './http-protocol.ts';
import type { ClusterInput } from './input.ts';
import { connectionPoolFields, loadBalancing, outlierDetection, type ClusterInit } from './traffic-policy.ts';
import { socketFields } from './upstream-tls.ts';

/** How a cluster of this service finds its endpoints. */
export function discoveryOf(service: Service, router: boolean): 'eds' | 'strict-dns' | 'logical-dns' | 'original' | 'dynamic' {
  switch (service.resolution) {
    case 'dynamic':
      return 'dynamic';
    case 'dns':
      return 'strict-dns';
    case 'dns-one':
      return 'logical-dns';
    case 'original':
      return router ? 'eds' : 'original';
    default:
      return 'eds';
  }
}

/**
 * Whether the caller's place is part of a cluster: it orders or weighs the names that the cluster resolves, or some of them are
 * beyond the gateways of other networks.
 */
export const isPlaced = (mesh: Mesh, { service, port, subset, policy, router }: Omit<ClusterInput, 'caller'>): boolean =>
  (discoveryOf(service, router) === 'strict-dns' &&
    balanceOf(settingsFor(mesh, policy, port.number, subset), service, mesh.config) !== undefined) ||
  (discoveryOf(service, router).endsWith('-dns') &&
    mesh.gatewaysBetween(true).any &&
    mesh.endpoints(service, port.number).value.some(({ network }) => network !== ''));

/** The cluster, or undefined where there is nothing to reach (a DNS service without names). `own`: the mesh's configuration as the callers' proxies have it. */
export function outboundClusterResource(mesh: Mesh, input: ClusterInput, own: MeshConfig): Resource | undefined {
  const { service, port, subset, policy, router, unopened = false } = input;
  const settings = settingsFor(mesh, policy, port.number, subset);
  const usual = (unopened ? sniName : outboundCluster)(port.number, subset?.name ?? '', service.host);
  const name = input.called ?? usual;
  const usually = discoveryOf(service, router);
  const dialled = settings.loadBalancer?.simple === 'PASSTHROUGH' && !router && usually !== 'dynamic';
  const discovery = dialled ? 'original' : usually;
  const found = discoveryFields(mesh, input, usual, discovery, settings);
  if (found === undefined) return undefined;

  return resource(
    ClusterSchema,
    name,
    {
      name,
      altStatName: statName(usual, mesh.config.outboundClusterStatName, {
        service,
        port,
        subset: subset?.name ?? '',
        target: port.targetPort,
      }),
      ...found,
      ...bufferLimit(own.defaultConfig.connectionSettings?.clusterPerConnectionBufferLimitBytes),
      ...connectionPoolFields(settings.connectionPool, mesh.config, settings.retryBudget),
      ...loadBalancing(settings.loadBalancer, discovery === 'original' || discovery === 'dynamic'),
      ...outlierDetection(settings.outlierDetection),
      ...localityFields(settings, service, mesh),
      ...(!unopened && {
        ...socketFields(mesh, input, settings, discovery === 'original'),
        ...protocolFields(input, settings, mesh, own),
      }),
      metadata: { filterMetadata: clusterMetadata(input, settings, mesh) },
    },
    causesOf(input),
  );
}

/** Names are looked up as requests say them. */
export const dynamicType = (names: NameCache): NonNullable<ClusterInit['clusterDiscoveryType']> => ({
  case: 'clusterType',
  value: {
    name: 'envoy.clusters.dynamic_forward_proxy',
    typedConfig: any(ClusterConfigSchema, {
      clusterImplementationSpecifier: { case: 'dnsCacheConfig', value: names },
      // A policy says what TLS verifies; Envoy would refuse all that is not the request's own name.
      allowInsecureClusterOptions: true,
    }),
  },
});

function causesOf({ service, subset, policy }: ClusterInput): Cause[] {
  return [
    cause(service.object),
    ...(policy?.objects ?? []).map((object) => cause(object)),
    ...(subset === undefined ? [] : [cause(subset.object, subset.path)]),
  ];
}

function discoveryFields(
  mesh: Mesh,
  { service, port, subset, families, caller, called }: ClusterInput,
  name: string,
  discovery: ReturnType<typeof discoveryOf>,
  settings: TrafficPolicy,
): ClusterInit | undefined {
  switch (discovery) {
    case 'eds':
      return {
        clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
        edsClusterConfig: { edsConfig: called === undefined ? adsSource : endpointSource, serviceName: name },
      };
    case 'dynamic':
      return {
        clusterDiscoveryType: dynamicType(nameCache(mesh.config, families)),
      };
    case 'original':
      return { clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST }, ...dialledPort(service, port) };
    default: {
      const listed = subsetEndpoints(mesh.endpoints(service, port.number).value, subset).filter(isLookedUp);
      const called = { mesh, service, settings, names: true };
      const reached = caller === undefined ? listed : acrossNetworks(caller, endpointsFor(caller, listed, called), called);
      const one = discovery === 'logical-dns';
      const endpoints = reached.filter((endpoint) => endpoint.address !== '' && isUsable(endpoint, settings));
      // Of one name Envoy wants just one.
      if (listed.length === 0 || (one && endpoints.length === 0)) return undefined;
      const balance = caller && balanceOf(settings, service, mesh.config);
      return {
        clusterDiscoveryType: {
          case: 'type',
          value: one ? Cluster_DiscoveryType.LOGICAL_DNS : Cluster_DiscoveryType.STRICT_DNS,
        },
        dnsLookupFamily: lookupFamily(families),
        respectDnsTtl: true,
        dnsRefreshRate: duration(milliseconds(mesh.config.dnsRefreshRate)),
        dnsJitter: duration(100),
        loadAssignment: loadAssignment(name, one ? endpoints.slice(0, 1) : endpoints, {
          settings,
          balance: balance && caller && { ...balance, caller },
        }),
      };
    }
  }
}

/** An entry may say that what callers dial is served at another port of the same address. */
function dialledPort({ registry }: Service, { number, targetPort }: ServicePort): ClusterInit {
  if (registry !== 'External' || typeof targetPort !== 'number' || targetPort === number) return {};
  return { lbConfig: { case: 'originalDstLbConfig', value: { upstreamPortOverride: targetPort } } };
}

/** Weighted localities are asked for only where a policy gives weights: it is not free. */
function localityFields(settings: TrafficPolicy, service: Service, mesh: Mesh): ClusterInit {
  const panic = settings.outlierDetection && {
    healthyPanicThreshold: { value: settings.outlierDetection.minHealthPercent ?? 0 },
  };
  const balance = balanceOf(settings, service, mesh.config);
  const zones = zoneSetting(settings.loadBalancer, service, mesh.config);
  if (panic === undefined && zones === undefined && !balance?.setting.distribute?.length) return {};
  return {
    commonLbConfig: {
      ...panic,
      ...(zones && { localityConfigSpecifier: { case: 'zoneAwareLbConfig', value: zoneFields(zones) } }),
      ...(balance?.setting.distribute?.length && {
        localityConfigSpecifier: { case: 'localityWeightedLbConfig', value: {} },
      }),
    },
  };
}

/** Envoy balances zones by itself where it knows its own; what is off must say so. */
const zoneFields = ({ enabled, minClusterSize }: ZoneAwareLoadBalancerSetting) => ({
  ...(enabled === false && { routingEnabled: { value: 0 } }),
  ...(minClusterSize !== undefined && { minClusterSize: BigInt(minClusterSize) }),
});

function clusterMetadata(
  { service, port, subset, policy, router, called }: ClusterInput,
  settings: TrafficPolicy,
  mesh: Mesh,
): Record<string, JsonObject> {
  const rule = policy?.objects[0];
  return {
    istio: {
      ...(rule !== undefined && { config: configPath(rule) }),
      ...(subset !== undefined && { subset: subset.name }),
      ...(service.external && { external: true }),
      // The application's own TLS must not be offered the mesh's protocol names.
      ...((settings.tls?.mode === 'SIMPLE' || settings.tls?.mode === 'MUTUAL') && { alpn_override: 'false' }),
      services: [{ host: service.host, name: service.name, namespace: service.namespace }],
    },
    [originKey]: {
      source: originText(service.object, []),
      // Routes that compute the cluster's name know nothing else of it.
      ...(called !== undefined && {
        [announcedKey]: announcedNames[upstreamCodec(port, settings, mesh.config, router) === 'http2' ? 'http2' : 'http1'],
      }),
      ...(rule !== undefined && { policy: subset === undefined ? originText(rule, []) : originText(subset.object, subset.path) }),
    },
  };
}

/** Endpoints of a service's port that a subset means. */
export const subsetEndpoints = (endpoints: readonly Endpoint[], subset: Subset | undefined): readonly Endpoint[] =>
  subset === undefined || Object.keys(subset.labels).length === 0
    ? endpoints
    : endpoints.filter((endpoint) => matchesLabels(subset.labels, endpoint.labels));

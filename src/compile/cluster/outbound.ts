// One outbound cluster: a port of a service, or of one of its subsets, as a caller reaches it.

import type { JsonObject } from '@bufbuild/protobuf';
import {
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
  ClusterSchema,
} from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { HttpProtocolOptionsSchema } from '../../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { milliseconds } from '../../lib/duration.ts';
import { any } from '../../filters/any.ts';
import { duration } from '../../filters/duration.ts';
import type { TrafficPolicy } from '../../api/shared/traffic-policy.ts';
import { effectivePolicy, type DestinationPolicy, type Subset } from '../../mesh/destination-policy.ts';
import type { Endpoint } from '../../mesh/endpoint.ts';
import { matchesLabels } from '../../mesh/labels.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import { isHttp2 } from '../../mesh/protocol.ts';
import type { Service, ServicePort } from '../../mesh/service.ts';
import { loadAssignment } from '../endpoint.ts';
import { resource } from '../encode.ts';
import { configPath, outboundCluster, sniName } from '../names.ts';
import { cause, originKey, originText } from '../origin.ts';
import type { Cause, Resource } from '../resource.ts';
import { adsSource, meshClientSocket, originationSocket, rawBufferSocket } from '../tls.ts';
import {
  commonHttpOptions,
  connectionPoolFields,
  loadBalancing,
  outlierDetection,
  type ClusterInit,
  type HttpOptions,
} from './traffic-policy.ts';

/** What one outbound cluster is made from. */
export interface ClusterInput {
  readonly service: Service;
  readonly port: ServicePort;
  readonly subset: Subset | undefined;
  readonly policy: DestinationPolicy | undefined;
  /** A gateway cannot use the address its caller dialled, so it lists endpoints where a sidecar would not. */
  readonly router: boolean;
}

/** How a cluster of this service finds its endpoints. */
export function discoveryOf(service: Service, router: boolean): 'eds' | 'strict-dns' | 'logical-dns' | 'original' {
  switch (service.resolution) {
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

/** The cluster, or undefined where there is nothing to reach (a DNS service without names). */
export function outboundClusterResource(mesh: Mesh, input: ClusterInput): Resource | undefined {
  const { service, port, subset, policy, router } = input;
  const settings = effectivePolicy(policy, port.number, subset);
  const name = outboundCluster(port.number, subset?.name ?? '', service.host);
  const discovery = settings.loadBalancer?.simple === 'PASSTHROUGH' && !router ? 'original' : discoveryOf(service, router);
  const found = discoveryFields(mesh, input, name, discovery, settings);
  if (found === undefined) return undefined;

  return resource(
    ClusterSchema,
    name,
    {
      name,
      altStatName: `${name};`,
      ...found,
      ...connectionPoolFields(settings.connectionPool, milliseconds(mesh.config.connectTimeout), settings.retryBudget),
      ...loadBalancing(
        settings.loadBalancer,
        discovery === 'original' ? 'original' : discovery === 'logical-dns' ? 'dns-one' : 'listed',
      ),
      ...outlierDetection(settings.outlierDetection),
      ...localityFields(settings, mesh),
      ...tlsFields(mesh, input, settings, discovery === 'original'),
      ...protocolFields(port, settings, mesh),
      metadata: { filterMetadata: clusterMetadata(input, settings) },
    },
    causesOf(input),
  );
}

function causesOf({ service, subset, policy }: ClusterInput): Cause[] {
  return [
    cause(service.object),
    ...(policy?.objects ?? []).map((object) => cause(object)),
    ...(subset === undefined ? [] : [cause(subset.object, subset.path)]),
  ];
}

function discoveryFields(
  mesh: Mesh,
  { service, port, subset }: ClusterInput,
  name: string,
  discovery: ReturnType<typeof discoveryOf>,
  settings: TrafficPolicy,
): ClusterInit | undefined {
  switch (discovery) {
    case 'eds':
      return {
        clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
        edsClusterConfig: { edsConfig: adsSource, serviceName: name },
      };
    case 'original':
      return { clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST }, ...dialledPort(service, port) };
    default: {
      const endpoints = mesh
        .endpoints(service, port.number)
        .value.filter((endpoint) => subset === undefined || matchesLabels(subset.labels, endpoint.labels));
      if (endpoints.length === 0) return undefined;
      return {
        clusterDiscoveryType: {
          case: 'type',
          value: discovery === 'strict-dns' ? Cluster_DiscoveryType.STRICT_DNS : Cluster_DiscoveryType.LOGICAL_DNS,
        },
        dnsLookupFamily: Cluster_DnsLookupFamily.V4_ONLY,
        respectDnsTtl: true,
        dnsRefreshRate: duration(milliseconds(mesh.config.dnsRefreshRate)),
        dnsJitter: duration(100),
        loadAssignment: loadAssignment(name, discovery === 'logical-dns' ? endpoints.slice(0, 1) : endpoints, {
          clusterId: '',
          settings,
          locality: undefined,
          network: undefined,
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
function localityFields(settings: TrafficPolicy, mesh: Mesh): ClusterInit {
  const locality = settings.loadBalancer?.localityLbSetting ?? mesh.config.localityLbSetting;
  if (locality?.enabled === false || !locality?.distribute?.length) return {};
  const panic = settings.outlierDetection && {
    healthyPanicThreshold: { value: settings.outlierDetection.minHealthPercent ?? 0 },
  };
  return { commonLbConfig: { ...panic, localityConfigSpecifier: { case: 'localityWeightedLbConfig', value: {} } } };
}

function tlsFields(mesh: Mesh, { service, port, subset }: ClusterInput, settings: TrafficPolicy, original: boolean): ClusterInit {
  const { tls } = settings;
  const http2 = isHttp2(port.protocol) || upgrades(settings, port, mesh);
  const meshSocket = () =>
    meshClientSocket({
      sni: tls?.sni || sniName(port.number, subset?.name ?? '', service.host),
      subjectAltNames: tls?.subjectAltNames?.length ? tls.subjectAltNames : serverNames(mesh, service, port),
      http2,
    });
  switch (tls?.mode) {
    case 'DISABLE':
      return {};
    case 'SIMPLE':
    case 'MUTUAL':
      return {
        transportSocket: originationSocket(tls, { http2, sni: tls.sni ?? '' }),
      };
    case 'ISTIO_MUTUAL':
      return { transportSocket: meshSocket() };
    default:
  }
  if (!callsWithMutualTls(mesh, service, port, original)) return {};
  if (original) return { transportSocket: meshSocket() };
  return {
    transportSocketMatches: [
      { name: 'tlsMode-istio', match: { tlsMode: 'istio' }, transportSocket: meshSocket() },
      { name: 'tlsMode-disabled', match: {}, transportSocket: rawBufferSocket },
    ],
  };
}

/** Whether callers use mutual TLS to a service by themselves (istio.md §3.6, "Auto mTLS"). */
function callsWithMutualTls(mesh: Mesh, service: Service, port: ServicePort, original: boolean): boolean {
  if (!mesh.config.enableAutoMtls || service.external) return false;
  if (mesh.namespaceMode(service.namespace).mode === 'DISABLE') return false;
  if (!original) return true;
  // The caller chooses the address, so no endpoint can say what it takes: all must.
  const endpoints = mesh.endpoints(service, port.number).value;
  return endpoints.length > 0 && endpoints.every((endpoint) => endpoint.mutualTls);
}

/** The identities a server of this port may have. */
function serverNames(mesh: Mesh, service: Service, port: ServicePort): string[] {
  const accounts = mesh.serviceAccounts(service, port.number).map((account) => {
    const [namespace, name] = account.split('/');
    return `ns/${namespace}/sa/${name}`;
  });
  const domains = [mesh.config.trustDomain, ...mesh.config.trustDomainAliases];
  const identities = domains.flatMap((domain) => accounts.map((account) => `spiffe://${domain}/${account}`));
  return [...new Set([...identities, ...service.subjectAltNames])].sort();
}

const upgrades = (settings: TrafficPolicy, port: ServicePort, mesh: Mesh): boolean => {
  if (port.protocol !== 'HTTP') return false;
  const policy = settings.connectionPool?.http?.h2UpgradePolicy;
  if (policy === 'UPGRADE') return true;
  return (policy === undefined || policy === 'DEFAULT') && mesh.config.h2UpgradePolicy === 'UPGRADE';
};

function protocolFields(port: ServicePort, settings: TrafficPolicy, mesh: Mesh): ClusterInit {
  const pool = settings.connectionPool;
  const common = commonHttpOptions(pool);
  const http2 = http2Options(pool);
  const server = autoServerName(settings);
  const options: HttpOptions = {
    ...(common && { commonHttpProtocolOptions: common }),
    ...(server && { upstreamHttpProtocolOptions: server }),
  };
  if (isHttp2(port.protocol) || upgrades(settings, port, mesh)) {
    options.upstreamProtocolOptions = {
      case: 'explicitHttpConfig',
      value: { protocolConfig: { case: 'http2ProtocolOptions', value: http2 } },
    };
  } else if (port.protocol === 'Auto' || (port.protocol === 'HTTP' && pool?.http?.useClientProtocol)) {
    options.upstreamProtocolOptions = {
      case: 'useDownstreamProtocolConfig',
      value: { httpProtocolOptions: {}, http2ProtocolOptions: http2 },
    };
  } else if (common !== undefined || server !== undefined) {
    options.upstreamProtocolOptions = {
      case: 'explicitHttpConfig',
      value: { protocolConfig: { case: 'httpProtocolOptions', value: {} } },
    };
  } else {
    return {};
  }
  return {
    typedExtensionProtocolOptions: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(HttpProtocolOptionsSchema, options),
    },
  };
}

/** A policy's own TLS without a server name takes it, and what the certificate must say, from the request's host. */
function autoServerName({ tls }: TrafficPolicy) {
  if ((tls?.mode !== 'SIMPLE' && tls?.mode !== 'MUTUAL') || tls.sni) return undefined;
  return { autoSni: true, autoSanValidation: !tls.subjectAltNames?.length && tls.insecureSkipVerify !== true };
}

function http2Options(pool: TrafficPolicy['connectionPool']) {
  const { maxConcurrentStreams, http2KeepAlive } = pool?.http ?? {};
  return {
    ...(maxConcurrentStreams && { maxConcurrentStreams }),
    ...(http2KeepAlive?.interval !== undefined &&
      http2KeepAlive.timeout !== undefined && {
        connectionKeepalive: {
          interval: duration(milliseconds(http2KeepAlive.interval)),
          timeout: duration(milliseconds(http2KeepAlive.timeout)),
        },
      }),
  };
}

function clusterMetadata({ service, subset, policy }: ClusterInput, settings: TrafficPolicy): Record<string, JsonObject> {
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
      ...(rule !== undefined && { policy: subset === undefined ? originText(rule, []) : originText(subset.object, subset.path) }),
    },
  };
}

/** Endpoints of a service's port that a subset means. */
export const subsetEndpoints = (endpoints: readonly Endpoint[], subset: Subset | undefined): readonly Endpoint[] =>
  subset === undefined || Object.keys(subset.labels).length === 0
    ? endpoints
    : endpoints.filter((endpoint) => matchesLabels(subset.labels, endpoint.labels));

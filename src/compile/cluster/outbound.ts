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
import type { ClientTLSSettings } from '../../api/shared/tls-settings.ts';
import type { TrafficPolicy } from '../../api/shared/traffic-policy.ts';
import type { DestinationPolicy, Subset } from '../../mesh/destination-policy.ts';
import type { Endpoint } from '../../mesh/endpoint.ts';
import { matchesLabels } from '../../mesh/labels.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Service, ServicePort } from '../../mesh/service.ts';
import { loadAssignment } from '../endpoint.ts';
import { resource } from '../encode.ts';
import { balanceOf } from '../locality.ts';
import { configPath, outboundCluster, sniName } from '../names.ts';
import type { AddressFamilies } from '../node.ts';
import { cause, originKey, originText } from '../origin.ts';
import type { Cause, Resource } from '../resource.ts';
import { upstreamCodec, type UpstreamCodec } from '../route/upstream-codec.ts';
import { adsSource, meshClientSocket, originationSecrets, originationSocket, rawBufferSocket } from '../tls.ts';
import { settingsFor } from '../view.ts';
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
  /** Which addresses names are resolved to. */
  readonly families: AddressFamilies;
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
  const settings = settingsFor(mesh, policy, port.number, subset);
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
      ...connectionPoolFields(settings.connectionPool, mesh.config, settings.retryBudget),
      ...loadBalancing(settings.loadBalancer, discovery === 'original'),
      ...outlierDetection(settings.outlierDetection),
      ...localityFields(settings, service, mesh),
      ...tlsFields(mesh, input, settings, discovery === 'original'),
      ...protocolFields(input, settings, mesh),
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
  { service, port, subset, families }: ClusterInput,
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
        dnsLookupFamily: lookupFamily(families),
        respectDnsTtl: true,
        dnsRefreshRate: duration(milliseconds(mesh.config.dnsRefreshRate)),
        dnsJitter: duration(100),
        loadAssignment: loadAssignment(name, discovery === 'logical-dns' ? endpoints.slice(0, 1) : endpoints, {
          clusterId: '',
          settings,
          balance: undefined,
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

function lookupFamily({ v4, v6 }: AddressFamilies): Cluster_DnsLookupFamily {
  if (v4 && v6) return Cluster_DnsLookupFamily.ALL;
  return v6 ? Cluster_DnsLookupFamily.V6_ONLY : Cluster_DnsLookupFamily.V4_ONLY;
}

/** Weighted localities are asked for only where a policy gives weights: it is not free. */
function localityFields(settings: TrafficPolicy, service: Service, mesh: Mesh): ClusterInit {
  const panic = settings.outlierDetection && {
    healthyPanicThreshold: { value: settings.outlierDetection.minHealthPercent ?? 0 },
  };
  const balance = balanceOf(settings, service, mesh.config);
  if (panic === undefined && !balance?.setting.distribute?.length) return {};
  return {
    commonLbConfig: {
      ...panic,
      ...(balance?.setting.distribute?.length && {
        localityConfigSpecifier: { case: 'localityWeightedLbConfig', value: {} },
      }),
    },
  };
}

function tlsFields(mesh: Mesh, input: ClusterInput, settings: TrafficPolicy, original: boolean): ClusterInit {
  const { service, port, subset, router } = input;
  const { tls } = settings;
  const http2 = upstreamCodec(port, settings, mesh.config, router) === 'http2';
  const meshSocket = () =>
    meshClientSocket({
      sni: tls?.sni || sniName(port.number, subset?.name ?? '', service.host),
      subjectAltNames: tls?.subjectAltNames?.length ? tls.subjectAltNames : serverNames(mesh, service),
      http2,
    });
  switch (tls?.mode) {
    // A mode that is not given is the enum's first.
    case 'DISABLE':
      return {};
    case 'SIMPLE':
    case 'MUTUAL':
      if (!originates(input, tls)) return {};
      return { transportSocket: originationSocket({ ...tls, subjectAltNames: wantedNames(service, tls) }, { http2 }) };
    case 'ISTIO_MUTUAL':
      return { transportSocket: meshSocket() };
    default:
  }
  if (tls !== undefined || !callsWithMutualTls(mesh, service, port, settings)) return {};
  if (original) return { transportSocket: meshSocket() };
  return {
    transportSocketMatches: [
      { name: 'tlsMode-istio', match: { tlsMode: 'istio' }, transportSocket: meshSocket() },
      { name: 'tlsMode-disabled', match: {}, transportSocket: rawBufferSocket },
    ],
  };
}

/** The names that an origination's server may have: the policy's, else those of its ServiceEntry. */
const wantedNames = (service: Service, tls: ClientTLSSettings): string[] =>
  tls.subjectAltNames?.length ? tls.subjectAltNames : [...service.subjectAltNames];

/** Whether callers use mutual TLS to a service by themselves (istio.md §3.6, "Auto mTLS"). */
function callsWithMutualTls(mesh: Mesh, service: Service, port: ServicePort, settings: TrafficPolicy): boolean {
  if (!mesh.config.enableAutoMtls || service.external) return false;
  if (mesh.namespaceMode(service.namespace).mode === 'DISABLE') return false;
  if (service.resolution !== 'original' && settings.loadBalancer?.simple !== 'PASSTHROUGH') return true;
  // The caller chooses the address, so no endpoint can say what it takes: all must.
  const endpoints = mesh.endpoints(service, port.number).value;
  return endpoints.length > 0 && endpoints.every((endpoint) => endpoint.mutualTls);
}

/** The identities that servers of a service may have, whichever of its ports is called. */
function serverNames(mesh: Mesh, service: Service): string[] {
  const accounts = service.ports.flatMap(({ number }) => mesh.serviceAccounts(service, number));
  const paths = accounts.map((account) => {
    const [namespace, name] = account.split('/');
    return `ns/${namespace}/sa/${name}`;
  });
  const domains = [mesh.config.trustDomain, ...mesh.config.trustDomainAliases];
  const identities = domains.flatMap((domain) => paths.map((path) => `spiffe://${domain}/${path}`));
  return [...new Set([...identities, ...service.subjectAltNames])].sort();
}

function protocolFields(input: ClusterInput, settings: TrafficPolicy, mesh: Mesh): ClusterInit {
  const common = commonHttpOptions(settings.connectionPool);
  const server = autoServerName(input, settings);
  const codec = upstreamCodec(input.port, settings, mesh.config, input.router);
  // HTTP/1.1 with nothing to say of it is what Envoy speaks by itself.
  if (codec === 'http1' && common === undefined && server === undefined) return {};
  const options: HttpOptions = {
    ...(common && { commonHttpProtocolOptions: common }),
    ...(server && { upstreamHttpProtocolOptions: server }),
    upstreamProtocolOptions: codecOptions(codec, http2Options(settings.connectionPool)),
  };
  return {
    typedExtensionProtocolOptions: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(HttpProtocolOptionsSchema, options),
    },
  };
}

type CodecOptions = NonNullable<HttpOptions['upstreamProtocolOptions']>;

function codecOptions(codec: UpstreamCodec, http2: ReturnType<typeof http2Options>): CodecOptions {
  switch (codec) {
    case 'http2':
      return { case: 'explicitHttpConfig', value: { protocolConfig: { case: 'http2ProtocolOptions', value: http2 } } };
    case 'client':
      return { case: 'useDownstreamProtocolConfig', value: { httpProtocolOptions: {}, http2ProtocolOptions: http2 } };
    case 'http1':
      return { case: 'explicitHttpConfig', value: { protocolConfig: { case: 'httpProtocolOptions', value: {} } } };
  }
}

/** A policy's own TLS without a server name takes it, and what the certificate must say, from the request's host. */
function autoServerName(input: ClusterInput, { tls }: TrafficPolicy) {
  if (tls === undefined || tls.sni || !originates(input, tls)) return undefined;
  return { autoSni: true, autoSanValidation: wantedNames(input.service, tls).length === 0 && tls.insecureSkipVerify !== true };
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

/** The SDS names of the Kubernetes secrets that a cluster's TLS takes. */
export function clusterSecrets(mesh: Mesh, input: ClusterInput): readonly string[] {
  const { tls } = settingsFor(mesh, input.policy, input.port.number, input.subset);
  return tls !== undefined && originates(input, tls) ? originationSecrets(tls) : [];
}

/** A sidecar fetches Kubernetes secrets only where the rule selects it: others might not have them, and would never start. */
const originates = ({ router, policy }: ClusterInput, tls: ClientTLSSettings): boolean =>
  (tls.mode === 'SIMPLE' || tls.mode === 'MUTUAL') && (!tls.credentialName || router || policy?.callers !== undefined);

/** Endpoints of a service's port that a subset means. */
export const subsetEndpoints = (endpoints: readonly Endpoint[], subset: Subset | undefined): readonly Endpoint[] =>
  subset === undefined || Object.keys(subset.labels).length === 0
    ? endpoints
    : endpoints.filter((endpoint) => matchesLabels(subset.labels, endpoint.labels));

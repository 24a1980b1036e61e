// A service of the mesh, whatever registered it: Kubernetes Service and ServiceEntry hosts in one form. No Envoy words here.

import { objectKey } from '../store/store.ts';
import type { ApiObject, ObjectMeta } from '../api/object.ts';
import type { Service as KubernetesService } from '../api/service.ts';
import type { ServiceEntry } from '../api/service-entry.ts';
import { protocolNamed, undeclaredProtocol, servicePortProtocol, type Protocol } from './protocol.ts';
import { visibilityOf, type Visibility } from './visibility.ts';
import { compareText } from '../lib/order.ts';

export interface ServicePort {
  readonly name: string;
  readonly number: number;
  readonly protocol: Protocol;
  /** Where endpoints listen: a number, or the name of a container's port. */
  readonly targetPort: number | string;
}

/**
 * How a caller finds endpoints: `endpoints` by a list we keep, `dns` and `dns-one` (a single name, its addresses taken as one)
 * by asking DNS, `original` by the address the caller dialled, `dynamic` by the name in the request, `alias` is another name of
 * a service.
 */
export type Resolution = 'endpoints' | 'dns' | 'dns-one' | 'original' | 'dynamic' | 'alias';

export interface Service {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
  readonly registry: 'Kubernetes' | 'External';
  /** The cluster that has the object: of several, the one whose word counts. */
  readonly cluster: string;
  /** The same Kubernetes service as other clusters have it. */
  readonly elsewhere: readonly Service[];
  /** Virtual addresses and CIDRs; empty for headless services and entries without addresses. */
  readonly addresses: readonly string[];
  /** Addresses that a controller gave to an entry without its own (its status), for callers whose names the mesh resolves. */
  readonly allocated: readonly string[];
  readonly ports: readonly ServicePort[];
  readonly resolution: Resolution;
  /** Outside the mesh: no mutual TLS by itself. */
  readonly external: boolean;
  readonly visibility: Visibility;
  /** Labels of the workloads that serve it; undefined when nothing selects (endpoints are given). */
  readonly selector: Readonly<Record<string, string>> | undefined;
  /** Names that a server's certificate may carry (ServiceEntry.subjectAltNames). */
  readonly subjectAltNames: readonly string[];
  /** For `alias`: the host it stands for. */
  readonly aliasOf: string | undefined;
  /** Addresses of not-ready workloads count too. */
  readonly publishNotReady: boolean;
  /** Where callers look first (`trafficDistribution`): their own zone, or their own node before it. */
  readonly prefers: 'zone' | 'node' | undefined;
  /** Only endpoints on the caller's own node serve (`internalTrafficPolicy: Local`). */
  readonly nodeLocal: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly created: string;
  readonly object: ApiObject<unknown>;
}

/** `namespace/host`, unique over the mesh's services. */
export const serviceKey = (service: Service): string => objectKey(service.namespace, service.host);

/** Oldest first, then by name and namespace: which of two services with one host counts. */
export function byServiceAge(a: Service, b: Service): number {
  return compareText(a.created, b.created) || compareText(a.host, b.host) || compareText(a.namespace, b.namespace);
}

/** A service as each cluster has it, the one whose word counts first. */
export const inClusters = (service: Service): readonly Service[] =>
  service.elsewhere.length === 0 ? [service] : [service, ...service.elsewhere];

/** A service as one cluster has it. */
export const serviceIn = (service: Service, cluster: string): Service | undefined =>
  service.cluster === cluster ? service : service.elsewhere.find((other) => other.cluster === cluster);

/** A headless service, called by its pods' own addresses. An entry without a selector has no pods: it is called by any address. */
export const hasListenersOfPods = ({ resolution, registry, selector, addresses }: Service): boolean =>
  resolution === 'original' && addresses.length === 0 && (registry === 'Kubernetes' || selector !== undefined);

/** Of TCP, where there is one for UDP of the same number, as DNS has it: proxies carry no datagrams. */
export const portNumbered = ({ ports }: Service, number: number): ServicePort | undefined =>
  ports.find((port) => port.number === number && port.protocol !== 'UDP') ?? ports.find((port) => port.number === number);

/** A Kubernetes Service (istio.md §1.2: headless, ExternalName). */
export function kubernetesService(
  object: ApiObject<KubernetesService>,
  cluster: string,
  domain: string,
  exportTo: readonly string[],
): Service {
  const { metadata } = object;
  const spec = object.body.spec ?? {};
  const external = spec.type === 'ExternalName';
  const addresses = [...new Set([...(spec.clusterIPs ?? []), ...(spec.clusterIP ? [spec.clusterIP] : [])])];
  const virtual = addresses.filter((address) => address !== 'None' && address !== '');
  return {
    ...shared(object, metadata),
    host: `${metadata.name}.${metadata.namespace}.svc.${domain}`,
    registry: 'Kubernetes',
    cluster,
    elsewhere: [],
    addresses: external ? [] : virtual,
    allocated: [],
    ports: (spec.ports ?? []).map((port) => ({
      name: port.name ?? '',
      number: port.port,
      protocol: servicePortProtocol(port),
      targetPort: port.targetPort ?? port.port,
    })),
    // Only `None` is headless: a manifest that leaves the address to the cluster means an ordinary service.
    resolution: external ? 'alias' : spec.clusterIP === 'None' ? 'original' : 'endpoints',
    external: false,
    visibility: visibilityOf(
      metadata.annotations['networking.istio.io/exportTo']?.split(',').map((word) => word.trim()),
      metadata.namespace,
      exportTo,
    ),
    selector: spec.selector && Object.keys(spec.selector).length > 0 ? spec.selector : undefined,
    subjectAltNames: [],
    aliasOf: external ? spec.externalName : undefined,
    publishNotReady: spec.publishNotReadyAddresses ?? false,
    prefers: preference(spec.trafficDistribution ?? metadata.annotations[distribution]),
    nodeLocal: spec.internalTrafficPolicy === 'Local',
  };
}

const distribution = 'networking.istio.io/traffic-distribution';

/** `PreferClose` is the older word for the same zone. */
function preference(word: string | undefined): Service['prefers'] {
  switch (word?.toLowerCase()) {
    case 'preferclose':
    case 'prefersamezone':
      return 'zone';
    case 'prefersamenode':
      return 'node';
    default:
      return undefined;
  }
}

const resolutions: Readonly<Record<string, Resolution>> = {
  NONE: 'original',
  STATIC: 'endpoints',
  DNS: 'dns',
  DNS_ROUND_ROBIN: 'dns-one',
  DYNAMIC_DNS: 'dynamic',
};

/** The services of a ServiceEntry: one per host. */
export function serviceEntryServices(object: ApiObject<ServiceEntry>, cluster: string, exportTo: readonly string[]): Service[] {
  const { metadata, body } = object;
  const { spec } = body;
  return spec.hosts.map((host) => ({
    ...shared(object, metadata),
    host,
    registry: 'External',
    cluster,
    elsewhere: [],
    addresses: (spec.addresses ?? []).map(singleAddress),
    allocated: allocatedAddresses(object, host),
    ports: (spec.ports ?? []).map((port) => ({
      name: port.name,
      number: port.number,
      // Unlike a Service's, an entry's port is not judged by its name.
      protocol: protocolNamed(port.protocol) ?? undeclaredProtocol(port.number),
      targetPort: port.targetPort ?? port.number,
    })),
    resolution: resolutions[spec.resolution ?? 'NONE'] ?? 'original',
    external: (spec.location ?? 'MESH_EXTERNAL') === 'MESH_EXTERNAL',
    visibility: visibilityOf(spec.exportTo, metadata.namespace, exportTo),
    selector: spec.workloadSelector?.labels,
    subjectAltNames: spec.subjectAltNames ?? [],
    aliasOf: undefined,
    publishNotReady: false,
    prefers: preference(metadata.annotations[distribution]),
    nodeLocal: false,
  }));
}

/** A CIDR of one address is that address. */
const singleAddress = (text: string): string => text.replace(text.includes(':') ? /\/128$/ : /\/32$/, '');

function allocatedAddresses(object: ApiObject<ServiceEntry>, host: string): string[] {
  const { status } = object.body as { status?: { addresses?: readonly { value?: string; host?: string }[] } };
  return (status?.addresses ?? []).flatMap(({ value, host: only }) =>
    value !== undefined && (only === undefined || only === host) ? [value] : [],
  );
}

function shared(object: ApiObject<unknown>, metadata: ObjectMeta) {
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    labels: metadata.labels,
    annotations: metadata.annotations,
    created: metadata.creationTimestamp ?? '',
    object,
  };
}

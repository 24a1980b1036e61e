// Workloads: what runs behind services, whether a Pod or a WorkloadEntry says so.

import type { ApiObject } from '../api/object.ts';
import type { Node } from '../api/node.ts';
import type { Pod } from '../api/pod.ts';
import type { WorkloadEntry } from '../api/workload-entry.ts';
import { networkLabel, regionLabel, subZoneLabel, zoneLabel, type Labels } from './labels.ts';

export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

export const noLocality: Locality = { region: '', zone: '', subZone: '' };

export interface Workload {
  readonly name: string;
  readonly namespace: string;
  /** IP addresses (v4 or v6), a host name, or `unix://…`; the first is the primary. Empty text: known to its network only. */
  readonly addresses: readonly string[];
  readonly labels: Labels;
  readonly serviceAccount: string;
  /** The name of what made it (Deployment, StatefulSet), else its own. */
  readonly owner: string;
  readonly node: string;
  /** Undefined: the one that its cluster is on at its address. */
  readonly network: string | undefined;
  readonly locality: Locality | undefined;
  readonly weight: number | undefined;
  /** Ports by name: a Pod's container ports, a WorkloadEntry's `ports`. */
  readonly ports: Readonly<Record<string, number>>;
  /** Whether its proxy takes mutual TLS (label `security.istio.io/tlsMode: istio`). */
  readonly mutualTls: boolean;
  readonly ready: boolean;
  readonly hostname: string | undefined;
  readonly object: ApiObject<unknown>;
}

/** `region/zone/subzone`, each part optional. */
function parseLocality(text: string | undefined, separator = '/'): Locality | undefined {
  if (text === undefined || text === '') return undefined;
  const [region = '', zone = '', subZone = ''] = text.split(separator);
  return { region, zone, subZone };
}

const tlsMode = 'security.istio.io/tlsMode';

const takesMutualTls = (labels: Labels): boolean => labels[tlsMode] === 'istio';

export function podWorkload(object: ApiObject<Pod>): Workload {
  const { metadata, body } = object;
  const { spec, status } = body;
  const ports: Record<string, number> = {};
  for (const container of [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]) {
    for (const port of container.ports ?? []) if (port.name !== undefined) ports[port.name] ??= port.containerPort;
  }
  const addresses = [
    ...new Set([...(status?.podIP ? [status.podIP] : []), ...(status?.podIPs ?? []).flatMap(({ ip }) => (ip ? [ip] : []))]),
  ];
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    addresses,
    labels: metadata.labels,
    serviceAccount: spec?.serviceAccountName ?? spec?.serviceAccount ?? 'default',
    owner: ownerName(object),
    node: spec?.nodeName ?? '',
    network: metadata.labels[networkLabel] || undefined,
    // Dots stand for the slashes that a label's value cannot hold.
    locality: parseLocality(metadata.labels['topology.istio.io/locality'] ?? metadata.labels['istio-locality'], '.'),
    weight: undefined,
    ports,
    mutualTls: takesMutualTls(metadata.labels),
    ready: (status?.conditions ?? []).some(({ type, status: state }) => type === 'Ready' && state === 'True'),
    hostname: spec?.hostname,
    object,
  };
}

/** A ReplicaSet's pods belong to its Deployment, whose name is the ReplicaSet's less the template's hash. */
function ownerName(object: ApiObject<Pod>): string {
  const owner = (object.body as { metadata?: { ownerReferences?: readonly { kind?: string; name?: string }[] } }).metadata
    ?.ownerReferences?.[0];
  const hash = object.metadata.labels['pod-template-hash'];
  if (owner?.name === undefined) {
    const tail = hash === undefined ? -1 : object.metadata.name.lastIndexOf(`-${hash}-`);
    return tail > 0 ? object.metadata.name.slice(0, tail) : object.metadata.name;
  }
  return owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)
    ? owner.name.slice(0, -1 - hash.length)
    : owner.name;
}

export function entryWorkload(object: ApiObject<WorkloadEntry>): Workload {
  const workload = inlineWorkload(object, object.body.spec, {
    name: object.metadata.name,
    labels: { ...object.metadata.labels, ...object.body.spec.labels },
  });
  return { ...workload, ready: isHealthy(object) };
}

/** An entry whose proxy reports its application's health serves once that is good; nobody checks others. */
function isHealthy({ metadata, body }: ApiObject<WorkloadEntry>): boolean {
  if (metadata.annotations['proxy.istio.io/health-checks-enabled'] !== 'true') return true;
  const { status } = body as { readonly status?: { readonly conditions?: readonly { type?: string; status?: string }[] } };
  return (status?.conditions ?? []).some(({ type, status: state }) => type === 'Healthy' && state === 'True');
}

/** A workload written as a WorkloadEntry's fields: the object of that kind, or an endpoint of a ServiceEntry. */
export function inlineWorkload(
  object: ApiObject<unknown>,
  spec: WorkloadEntry['spec'],
  { name, labels }: { readonly name: string; readonly labels: Labels },
): Workload {
  return {
    name,
    namespace: object.metadata.namespace,
    // On another network it may have none: then the gateways there find it.
    addresses: spec.address ? [spec.address] : spec.network ? [''] : [],
    labels,
    serviceAccount: spec.serviceAccount ?? '',
    owner: name,
    node: '',
    // What is written by hand is on no cluster's network unless it says so: it is reached from everywhere.
    network: spec.network ?? '',
    locality:
      parseLocality(spec.locality) ?? parseLocality(labels['topology.istio.io/locality'] ?? labels['istio-locality'], '.'),
    weight: spec.weight,
    ports: spec.ports ?? {},
    // Where an account is given a proxy holds its certificate, unless a label says what else it takes.
    mutualTls: tlsMode in labels ? takesMutualTls(labels) : (spec.serviceAccount ?? '') !== '',
    ready: true,
    hostname: undefined,
    object,
  };
}

/** A Node, as far as the mesh looks at it. */
export interface KubernetesNode {
  readonly locality: Locality;
  readonly labels: Labels;
  /** Where it is reached from outside its cluster. */
  readonly externalAddress: string | undefined;
  readonly object: ApiObject;
}

export function kubernetesNode(object: ApiObject<Node>): KubernetesNode {
  const { labels } = object.metadata;
  return {
    locality: {
      region: labels[regionLabel] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? '',
      zone: labels[zoneLabel] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? '',
      subZone: labels[subZoneLabel] ?? '',
    },
    labels,
    externalAddress: object.body.status?.addresses?.find(({ type, address }) => type === 'ExternalIP' && address !== '')?.address,
    object: object as unknown as ApiObject,
  };
}

// The names of Envoy resources, Istio's (istio.md §3.2), so that EnvoyFilters, dashboards and habits carry over.

import type { Service, ServicePort } from '../mesh/service.ts';

export const passthroughCluster = 'PassthroughCluster';
export const lookedUpCluster = 'AllowAnyDynamicDNSCluster';
export const blackHoleCluster = 'BlackHoleCluster';
/** The last route of a virtual host that comes by itself and has none for a request. */
export const noRouteName = 'no_route';
/** The workload's own service, in the bootstraps of proxies that ask for it. */
export const localCluster = 'local_cluster';
export const inboundPassthroughCluster = 'InboundPassthroughCluster';

export const outboundCluster = (port: number, subset: string, host: string): string => `outbound|${port}|${subset}|${host}`;

export const inboundCluster = (port: number): string => `inbound|${port}||`;

/** The server name that callers put into mutual TLS, and the name of a gateway's SNI-routed cluster. */
export const sniName = (port: number, subset: string, host: string): string => `outbound_.${port}_.${subset}_.${host}`;

export interface OutboundClusterName {
  readonly port: number;
  readonly subset: string;
  readonly host: string;
}

/** The parts of `outbound|PORT|SUBSET|HOST`, or undefined for any other name. */
export function parseOutboundCluster(name: string): OutboundClusterName | undefined {
  const [direction, port, subset, host, ...rest] = name.split('|');
  if (direction !== 'outbound' || port === undefined || subset === undefined || host === undefined || rest.length > 0)
    return undefined;
  const number = Number(port);
  return Number.isInteger(number) ? { port: number, subset, host } : undefined;
}

/** The parts of `outbound_.PORT_.SUBSET_.HOST`, or undefined for any other name. */
export function parseSniName(name: string): OutboundClusterName | undefined {
  const [, port, subset = '', host = ''] = /^outbound_\.(\d{1,5})_\.([^_]*)_\.(.+)$/.exec(name) ?? [];
  return port === undefined ? undefined : { port: Number(port), subset, host };
}

/** The table of the listener that applications use as their HTTP proxy. */
export const httpProxyTable = 'http_proxy';

/** Without a port: how the names of all listeners at an address begin. */
export const listenerName = (address: string, port: number | ''): string => `${address}_${port}`;

/** What a cluster's statistics are named after. */
export interface Counted {
  readonly service: Pick<Service, 'host' | 'name' | 'namespace' | 'registry'>;
  readonly port: ServicePort;
  readonly subset: string;
  /** Where endpoints listen: a number, or a container port's name. */
  readonly target: number | string;
}

/**
 * The name of a cluster in statistics: its own, or what the mesh's pattern makes of the service. The `;` ends it, so that those who
 * read statistics can tell it from what follows.
 */
export function statName(cluster: string, pattern: string, counted: Counted | undefined): string {
  if (pattern === '' || counted === undefined) return `${cluster};`;
  const { service, port, subset, target } = counted;
  const short = service.registry === 'Kubernetes' ? `${service.name}.${service.namespace}` : service.host;
  const words: Readonly<Record<string, string>> = {
    SERVICE: short,
    SERVICE_FQDN: service.host,
    SERVICE_PORT: String(port.number),
    SERVICE_PORT_NAME: port.name,
    TARGET_PORT: String(target),
    SUBSET_NAME: subset,
  };
  return `${pattern.replaceAll(/%([A-Z_]+)%/g, (whole, word: string) => words[word] ?? whole)};`;
}

/** Istio's path of an object in metadata: `/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews`. */
export function configPath(object: {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
}): string {
  const kind = object.kind.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
  return `/apis/${object.apiVersion}/namespaces/${object.metadata.namespace}/${kind}/${object.metadata.name}`;
}

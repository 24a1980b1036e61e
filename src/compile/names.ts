// The names of Envoy resources, Istio's (istio.md §3.2), so that EnvoyFilters, dashboards and habits carry over.

export const passthroughCluster = 'PassthroughCluster';
export const blackHoleCluster = 'BlackHoleCluster';
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

/** Without a port: how the names of all listeners at an address begin. */
export const listenerName = (address: string, port: number | ''): string => `${address}_${port}`;

/** Istio's path of an object in metadata: `/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews`. */
export function configPath(object: {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
}): string {
  const kind = object.kind.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
  return `/apis/${object.apiVersion}/namespaces/${object.metadata.namespace}/${kind}/${object.metadata.name}`;
}

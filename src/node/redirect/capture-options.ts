// What of a workload's traffic goes through its proxy, as plain data: read from annotations or given; input of the rule set.

import type { Cidr } from './cidr.ts';

/** How traffic reaches the proxy. `NONE`: it does not, the application calls the proxy's ports itself. */
type CaptureMode = 'REDIRECT' | 'NONE';

/** Istio's values. TPROXY is understood, and answered with REDIRECT and a warning. */
export type InterceptionMode = CaptureMode | 'TPROXY';

/** How rules tell the proxy's own sockets from the application's. A mark works where uids are not mapped (user namespaces). */
export type ProxySockets = { readonly uid: number; readonly gid: number } | { readonly mark: number };

/** Istio's proxy user and group, and the mark that stands in for them (the same number). */
export const proxyUser = { uid: 1337, gid: 1337 } as const;
export const proxyMark = { mark: 0x539 } as const;

/** Traffic that must reach the application untouched: health probes of whoever starts it (the kubelet's role). */
interface ProbeSource {
  readonly address: Cidr;
  /** Empty: every port. */
  readonly ports: readonly number[];
}

interface DnsCapture {
  readonly port: number;
  /** The nameservers whose traffic is taken over; `*`: everything on port 53. */
  readonly servers: '*' | readonly Cidr[];
}

export interface CaptureOptions {
  readonly mode: CaptureMode;
  readonly outboundPort: number;
  readonly inboundPort: number;
  readonly proxy: ProxySockets;
  readonly includeInboundPorts: '*' | readonly number[];
  readonly excludeInboundPorts: readonly number[];
  readonly includeOutboundCidrs: '*' | readonly Cidr[];
  readonly excludeOutboundCidrs: readonly Cidr[];
  /** Captured whatever the range says; exclusions still win. */
  readonly includeOutboundPorts: readonly number[];
  readonly excludeOutboundPorts: readonly number[];
  readonly excludeInterfaces: readonly string[];
  /** Interfaces of guests (KubeVirt, docker in a pod) whose traffic counts as outbound. */
  readonly virtualInterfaces: readonly string[];
  readonly probeSources: readonly ProbeSource[];
  readonly dns?: DnsCapture;
}

/** Ports of the proxy itself that others call directly: metrics, readiness, the agent's status, and (closed) the admin port. */
export const ownPorts = [15090, 15021, 15020, 15000] as const;

/** HBONE's port: the proxy terminates the tunnel there, so it is never captured. */
export const tunnelPort = 15008;

/** Istio's defaults: all TCP, both ways, by redirection, with the proxy as user 1337. */
export const defaultCapture: CaptureOptions = {
  mode: 'REDIRECT',
  outboundPort: 15001,
  inboundPort: 15006,
  proxy: proxyUser,
  includeInboundPorts: '*',
  excludeInboundPorts: [],
  includeOutboundCidrs: '*',
  excludeOutboundCidrs: [],
  includeOutboundPorts: [],
  excludeOutboundPorts: [],
  excludeInterfaces: [],
  virtualInterfaces: [],
  probeSources: [],
};

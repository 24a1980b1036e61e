// What explain says: the steps of a request through one proxy, in order, and how it ends. Plain data, made of JSON's values only.

import type { Request } from './request.ts';

export interface Explanation {
  readonly request: Request;
  readonly steps: readonly Step[];
  readonly outcome: Outcome;
  /** How likely it is that things go this way, where the configuration leaves it to chance; else 1. */
  readonly probability: number;
  /** The other ways, likeliest first; empty but in the first explanation. */
  readonly otherwise: readonly Explanation[];
  /** What could not be taken into account, in whole sentences. */
  readonly missing: readonly string[];
}

export type StepKind =
  | 'listener'
  | 'chain'
  | 'tls'
  | 'filter'
  | 'http'
  | 'virtual host'
  | 'route'
  | 'request'
  | 'response'
  | 'cluster'
  | 'endpoints';

export interface Step {
  readonly kind: StepKind;
  /** The Envoy resource or filter: `0.0.0.0_9080`, `envoy.filters.http.rbac`, `outbound|80||a.default.svc.cluster.local`. */
  readonly name: string;
  /** What happened, as a clause without a full stop. */
  readonly text: string;
  /** More of it, least important last: what was considered, what was in effect. */
  readonly details: readonly string[];
  /** The object and field that made it, nearest first. */
  readonly origins: readonly StepOrigin[];
  /** Whether the request ends here; `unknown`: what the filter does is not known here, the steps after it hold if it lets it pass. */
  readonly effect: 'passes' | 'ends' | 'unknown';
  /** The origins were only looked at: none of them took the request. */
  readonly considered?: true;
}

export interface StepOrigin {
  /** `VirtualService/default/reviews`. */
  readonly object: string;
  /** `spec.http[0]`; empty for the whole object. */
  readonly path: string;
  /** `bookinfo.yaml:12`, where the objects are known with their lines. */
  readonly place?: string;
}

export type Outcome = Forwarded | Answered | Closed | Unknown;

/** Sent on, to one of several targets. */
export interface Forwarded {
  readonly kind: 'forwarded';
  /** Likeliest first. */
  readonly targets: readonly Target[];
  /** Clusters that get a copy. */
  readonly mirrors: readonly Mirror[];
  /** How long it may take, and how often it is tried; undefined for connections. */
  readonly limits?: RouteLimits | undefined;
}

/** Answered by the proxy itself. */
export interface Answered {
  readonly kind: 'answered';
  readonly status: number;
  readonly body: string;
  /** `location` and whatever the configuration adds. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Envoy's response flags (`NR`, `UH`, `FI`, …); empty for none. */
  readonly flags: string;
  /** Envoy's response code details, as its access log has them. */
  readonly because: string;
}

/** The connection is closed or reset without an answer. */
export interface Closed {
  readonly kind: 'closed';
  readonly flags: string;
  readonly because: string;
}

/** The configuration at hand does not say. */
export interface Unknown {
  readonly kind: 'unknown';
  readonly because: string;
}

export interface Mirror {
  readonly cluster: string;
  /** 0 to 1. */
  readonly share: number;
}

export interface Target {
  readonly cluster: string;
  /** Of the requests that this route takes, 0 to 1. */
  readonly share: number;
  /** The request as it leaves; undefined for connections. */
  readonly request?: SentRequest | undefined;
  /** What the cluster's servers are; undefined where the proxy does not have the cluster. */
  readonly destination?: Destination | undefined;
  /** What happens when it is sent there, where that fails for certain: `UH`, `NC`, …; else undefined. */
  readonly failure?: Answered | Closed | undefined;
}

export interface SentRequest {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  /** As far as the configuration changes them; Envoy's own (`x-request-id`, `x-forwarded-*`, …) are not here. Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Set, added and removed in the response. */
  readonly responseHeaders: readonly HeaderChange[];
}

export interface HeaderChange {
  readonly change: 'set' | 'add' | 'add if absent' | 'set if present' | 'remove';
  readonly name: string;
  readonly value: string;
}

export interface RouteLimits {
  /** Milliseconds for the whole of it; 0: none. */
  readonly timeout: number;
  readonly idleTimeout: number | undefined;
  readonly maxStreamDuration: number | undefined;
  readonly retries: Retries | undefined;
}

export interface Retries {
  readonly attempts: number;
  readonly on: string;
  readonly statusCodes: readonly number[];
  /** Milliseconds of each attempt; 0: the route's. */
  readonly perTryTimeout: number;
}

export interface Destination {
  readonly discovery: 'static' | 'EDS' | 'DNS' | 'original destination' | 'dynamic' | 'internal' | 'unknown';
  readonly balancing: string;
  readonly groups: readonly EndpointGroup[];
  /** How these came to be the endpoints, in clauses: subsets, several clusters as one. */
  readonly chosen?: readonly string[] | undefined;
  /** Where it goes when the cluster only passes on what was dialled. */
  readonly dialled?: string | undefined;
  readonly limits: ClusterLimits;
}

/** Endpoints of one priority and place. */
export interface EndpointGroup {
  readonly priority: number;
  /** `region/zone/subzone`; empty where none is known. */
  readonly place: string;
  /** Of the cluster's requests while things are as they are, 0 to 1. */
  readonly share: number;
  readonly endpoints: readonly Endpoint[];
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly healthy: boolean;
  /** Of its group. */
  readonly weight: number;
  readonly tls: UpstreamTls | undefined;
  /** The proxy's own listener by which it goes there: a tunnel. */
  readonly through?: string | undefined;
  /** What the configuration says that runs there: `reviews-v1.default`. */
  readonly workload: string;
}

export interface UpstreamTls {
  readonly mode: 'mutual' | 'simple';
  readonly sni: string;
  readonly alpn: readonly string[];
  /** Names one of which the server must prove. */
  readonly expects: readonly string[];
  /** Which secret holds the certificate that is shown; empty for none. */
  readonly certificate: string;
}

export interface ClusterLimits {
  /** Milliseconds. */
  readonly connectTimeout: number;
  readonly maxConnections: number | undefined;
  readonly maxPendingRequests: number | undefined;
  readonly maxRequests: number | undefined;
  readonly maxRetries: number | undefined;
  readonly outlierDetection: string | undefined;
  /** The cluster speaks this to its servers, whatever the caller speaks; undefined: the caller's or HTTP/1.1. */
  readonly protocol: HttpProtocol;
}

export type HttpProtocol = 'HTTP/1.1' | 'HTTP/2' | 'as the caller' | 'by ALPN';

// Traffic rules in one form, whichever API family they were written in (VirtualService now; HTTPRoute, GRPCRoute, Ingress later).
// Hosts are whole names, durations milliseconds, and each rule keeps its place in its object. No Envoy words here.

import type { ApiObject, Path } from '../api/object.ts';
import type { Visibility } from './visibility.ts';

export type StringMatch =
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'prefix'; readonly value: string }
  | { readonly kind: 'regex'; readonly value: string }
  | { readonly kind: 'present' };

/** Of paths there is one condition more: whole segments at the beginning, `/a` and `/a/b` but not `/ab`. */
export type PathMatch = StringMatch | { readonly kind: 'segments'; readonly value: string };

export interface Destination {
  readonly host: string;
  readonly subset: string;
  readonly port: number | undefined;
}

export interface HeaderChanges {
  readonly set: Readonly<Record<string, string>>;
  readonly add: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

export interface Headers {
  readonly request: HeaderChanges | undefined;
  readonly response: HeaderChanges | undefined;
}

export interface WeightedDestination {
  readonly destination: Destination;
  readonly weight: number;
  readonly headers: Headers | undefined;
}

/** Who a rule is for: evaluated when compiling for a proxy, not per request. */
export interface SourceMatch {
  readonly port: number | undefined;
  readonly sourceLabels: Readonly<Record<string, string>>;
  readonly sourceNamespace: string | undefined;
  /** Resolved gateway names (`ns/name` or `mesh`); empty means the rule's own. */
  readonly gateways: readonly string[];
}

export interface HttpMatch extends SourceMatch {
  readonly name: string;
  readonly uri: PathMatch | undefined;
  readonly ignoreUriCase: boolean;
  readonly scheme: StringMatch | undefined;
  readonly method: StringMatch | undefined;
  readonly authority: StringMatch | undefined;
  readonly headers: readonly (readonly [string, StringMatch])[];
  readonly withoutHeaders: readonly (readonly [string, StringMatch])[];
  readonly queryParams: readonly (readonly [string, StringMatch])[];
  readonly statPrefix: string;
  readonly path: Path;
}

export interface Retries {
  readonly attempts: number;
  readonly perTryTimeout: number | undefined;
  readonly retryOn: string;
  readonly retryRemoteLocalities: boolean;
  /** Undefined: unless requests are spread by their content. */
  readonly retryIgnorePreviousHosts: boolean | undefined;
  readonly backoff: number | undefined;
}

export interface Fault {
  readonly delay: { readonly percent: number; readonly fixed: number } | undefined;
  readonly abort: { readonly percent: number; readonly httpStatus?: number; readonly grpcStatus?: string } | undefined;
}

export interface Mirror {
  readonly destination: Destination;
  readonly percent: number;
}

/** As `mirror`, its share and `mirrors` are written, each for itself: a delegate takes what it leaves open from who hands over. */
export interface Mirroring {
  readonly to: Destination | undefined;
  readonly percent: number | undefined;
  readonly more: readonly Mirror[];
}

export const mirrorsOf = ({ to, percent = 100, more }: Mirroring): readonly Mirror[] =>
  to === undefined ? more : [{ destination: to, percent }, ...more];

export interface Cors {
  readonly allowOrigins: readonly StringMatch[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  /** Milliseconds. */
  readonly maxAge: number | undefined;
  readonly allowCredentials: boolean | undefined;
  readonly forwardUnmatchedPreflights: boolean;
}

export interface Redirect {
  readonly kind: 'redirect';
  readonly uri: string;
  readonly prefixRewrite: string;
  readonly authority: string;
  readonly scheme: string;
  readonly port: number | undefined;
  readonly derivePort: 'FROM_PROTOCOL_DEFAULT' | 'FROM_REQUEST_PORT' | undefined;
  readonly code: number;
}

export interface DirectResponse {
  readonly kind: 'direct';
  readonly status: number;
  readonly body: string | Uint8Array | undefined;
}

export interface Forward {
  readonly kind: 'forward';
  readonly destinations: readonly WeightedDestination[];
}

export interface Rewrite {
  readonly uri: string;
  readonly authority: string;
  readonly regex: { readonly match: string; readonly rewrite: string } | undefined;
}

/** A rule less what it does with requests. */
interface HttpRuleHead {
  readonly name: string;
  /** Empty: every request. */
  readonly matches: readonly HttpMatch[];
  readonly rewrite: Rewrite | undefined;
  /** Undefined: none given; 0: explicitly none. */
  readonly timeout: number | undefined;
  readonly retries: Retries | undefined;
  readonly fault: Fault | undefined;
  readonly mirroring: Mirroring;
  /** All that it comes to. */
  readonly mirrors: readonly Mirror[];
  readonly cors: Cors | undefined;
  readonly headers: Headers | undefined;
  /** Where it is written: a delegate's rule stands among another object's. */
  readonly object: ApiObject<unknown>;
  readonly path: Path;
}

export interface HttpRule extends HttpRuleHead {
  readonly action: Forward | Redirect | DirectResponse;
}

/** A rule that hands its requests over to the rules of another object. */
export interface Handover extends HttpRuleHead {
  readonly to: { readonly namespace: string; readonly name: string };
}

/** A rule that no request reaches: one that hands over in vain, or a delegate's that contradicts the one that hands over to it. */
export interface LeftOut {
  readonly reason: 'absent' | 'has hosts' | 'not exported' | 'contradicts';
  readonly handover: Handover;
  readonly rule: Handover | HttpRule;
}

export interface TlsMatch extends SourceMatch {
  readonly sniHosts: readonly string[];
  readonly destinationSubnets: readonly string[];
}

export interface TlsRule {
  readonly matches: readonly TlsMatch[];
  readonly destinations: readonly WeightedDestination[];
  readonly path: Path;
}

export interface TcpMatch extends SourceMatch {
  readonly destinationSubnets: readonly string[];
}

export interface TcpRule {
  readonly matches: readonly TcpMatch[];
  readonly destinations: readonly WeightedDestination[];
  readonly path: Path;
}

/** One object's rules for its hosts. */
export interface Route {
  readonly name: string;
  readonly namespace: string;
  readonly hosts: readonly string[];
  /** `mesh` for sidecars, or gateways as `ns/name`. */
  readonly gateways: readonly string[];
  readonly visibility: Visibility;
  readonly http: readonly HttpRule[];
  readonly tls: readonly TlsRule[];
  readonly tcp: readonly TcpRule[];
  readonly leftOut: readonly LeftOut[];
  /** For requests that no rule of any other object takes. */
  readonly fallback?: true;
  readonly object: ApiObject<unknown>;
}

/** One object's rules as they are written, before others' stand in the place of those that hand over. */
export interface WrittenRoute extends Omit<Route, 'http' | 'leftOut'> {
  readonly http: readonly (HttpRule | Handover)[];
}

/** Every object that has a rule here, the object itself first. */
export const writersOf = ({ object, http }: Route): readonly ApiObject<unknown>[] => [
  ...new Set([object, ...http.map((rule) => rule.object)]),
];

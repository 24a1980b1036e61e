// VirtualService → Route: hosts made whole, durations counted, every rule with its place in the object.

import type { ApiObject, Path } from '../api/object.ts';
import type { StringMatch as StringMatchSpec } from '../api/shared/string-match.ts';
import type { HTTPMatchRequest, HTTPRoute, VirtualService } from '../api/virtual-service.ts';
import { milliseconds } from '../lib/duration.ts';
import { resolveHost } from './hostname.ts';
import { mirrorsOf } from './route.ts';
import type {
  Cors,
  Destination,
  Fault,
  Handover,
  HeaderChanges,
  Headers,
  HttpMatch,
  HttpRule,
  Mirror,
  Mirroring,
  Redirect,
  Retries,
  SourceMatch,
  StringMatch,
  TcpRule,
  TlsRule,
  WeightedDestination,
  WrittenRoute,
} from './route.ts';
import { visibilityOf } from './visibility.ts';

export interface RouteDefaults {
  readonly domain: string;
  readonly exportTo: readonly string[];
}

/** What every part of one VirtualService is read with. */
interface Reader {
  readonly namespace: string;
  readonly domain: string;
  readonly object: ApiObject<unknown>;
}

type Spec = VirtualService['spec'];
type Http = HTTPRoute;
type TlsRoute = NonNullable<Spec['tls']>[number];
type TcpRoute = NonNullable<Spec['tcp']>[number];

export function virtualServiceRoute(object: ApiObject<VirtualService>, { domain, exportTo }: RouteDefaults): WrittenRoute {
  const { spec } = object.body;
  const { name, namespace } = object.metadata;
  const reader = { namespace, domain, object };
  return {
    name,
    namespace,
    hosts: (spec.hosts ?? []).map((host) => resolveHost(host, namespace, domain)),
    gateways: gatewayNames(spec.gateways, namespace, ['mesh']),
    visibility: visibilityOf(spec.exportTo, namespace, exportTo),
    http: (spec.http ?? []).flatMap((rule, index) => httpRule(rule, ['spec', 'http', index], reader) ?? []),
    tls: (spec.tls ?? []).map((rule, index) => tlsRule(rule, ['spec', 'tls', index], reader)),
    tcp: (spec.tcp ?? []).map((rule, index) => tcpRule(rule, ['spec', 'tcp', index], reader)),
    object,
  };
}

/** `gw` and the older `gw.ns.svc.cluster.local` → `ns/gw`; `mesh` stays. */
function gatewayNames(names: readonly string[] | undefined, namespace: string, absent: readonly string[]): readonly string[] {
  if (names === undefined || names.length === 0) return absent;
  return names.map((name) => {
    if (name === 'mesh' || name.includes('/')) return name.startsWith('./') ? `${namespace}/${name.slice(2)}` : name;
    const [short = '', home = namespace] = name.split('.');
    return `${home}/${short}`;
  });
}

function httpRule(rule: Http, path: Path, reader: Reader): HttpRule | Handover | undefined {
  const mirrored = mirroring(rule, reader);
  const head = {
    name: rule.name ?? '',
    matches: (rule.match ?? []).map((match, index) => httpMatch(match, [...path, 'match', index], reader)),
    rewrite: rule.rewrite && {
      uri: rule.rewrite.uri ?? '',
      authority: rule.rewrite.authority ?? '',
      regex: rule.rewrite.uriRegexRewrite && {
        match: rule.rewrite.uriRegexRewrite.match ?? '',
        rewrite: rule.rewrite.uriRegexRewrite.rewrite ?? '',
      },
    },
    timeout: duration(rule.timeout),
    retries: rule.retries && retries(rule.retries),
    fault: rule.fault && fault(rule.fault),
    mirroring: mirrored,
    mirrors: mirrorsOf(mirrored),
    cors: rule.corsPolicy && cors(rule.corsPolicy),
    headers: headers(rule.headers),
    object: reader.object,
    path,
  };
  const action = httpAction(rule, reader);
  if (action !== undefined) return { ...head, action };
  if (rule.delegate === undefined) return undefined;
  return { ...head, to: { namespace: rule.delegate.namespace || reader.namespace, name: rule.delegate.name ?? '' } };
}

function httpAction(rule: Http, reader: Reader): HttpRule['action'] | undefined {
  if (rule.redirect !== undefined) {
    const { redirect } = rule;
    return {
      kind: 'redirect',
      uri: redirect.uri ?? '',
      prefixRewrite: redirect.prefixRewrite ?? '',
      authority: redirect.authority ?? '',
      scheme: redirect.scheme ?? '',
      port: redirect.port,
      derivePort: redirect.derivePort as Redirect['derivePort'],
      code: redirect.redirectCode ?? 301,
    };
  }
  if (rule.directResponse !== undefined) {
    const { status, body } = rule.directResponse;
    return { kind: 'direct', status, body: body?.bytes === undefined ? body?.string : Buffer.from(body.bytes, 'base64') };
  }
  if (rule.route !== undefined && rule.route.length > 0) return { kind: 'forward', destinations: weighted(rule.route, reader) };
  return undefined;
}

function weighted(
  list: readonly { destination?: Http['mirror']; weight?: number; headers?: Http['headers'] }[],
  reader: Reader,
): WeightedDestination[] {
  return list.flatMap(({ destination: to, weight = 0, headers: changes }) =>
    to === undefined ? [] : [{ destination: destination(to, reader), weight, headers: headers(changes) }],
  );
}

function destination(spec: NonNullable<Http['mirror']>, { namespace, domain }: Reader): Destination {
  return { host: resolveHost(spec.host, namespace, domain), subset: spec.subset ?? '', port: spec.port?.number };
}

const duration = (text: string | undefined): number | undefined => (text === undefined ? undefined : milliseconds(text));

function source(
  match: {
    readonly port?: number;
    readonly sourceLabels?: Readonly<Record<string, string>>;
    readonly sourceNamespace?: string;
    readonly gateways?: readonly string[];
  },
  { namespace }: Reader,
): SourceMatch {
  return {
    port: match.port,
    sourceLabels: match.sourceLabels ?? {},
    sourceNamespace: match.sourceNamespace || undefined,
    gateways: gatewayNames(match.gateways, namespace, []),
  };
}

function httpMatch(match: HTTPMatchRequest, path: Path, reader: Reader): HttpMatch {
  return {
    ...source(match, reader),
    name: match.name ?? '',
    uri: stringMatch(match.uri),
    ignoreUriCase: match.ignoreUriCase ?? false,
    scheme: stringMatch(match.scheme),
    method: stringMatch(match.method),
    authority: stringMatch(match.authority),
    headers: namedMatches(match.headers),
    withoutHeaders: namedMatches(match.withoutHeaders),
    queryParams: namedMatches(match.queryParams),
    statPrefix: match.statPrefix ?? '',
    path,
  };
}

/** In the order of names: the order of a map in YAML means nothing. */
const namedMatches = (map: Readonly<Record<string, StringMatchSpec>> | undefined): (readonly [string, StringMatch])[] =>
  Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, match]) => [name, stringMatch(match) ?? { kind: 'present' }] as const);

function stringMatch(match: StringMatchSpec | undefined): StringMatch | undefined {
  if (match === undefined || match === null) return undefined;
  if (match.exact !== undefined) return { kind: 'exact', value: match.exact };
  // Istio reads an empty prefix and `*` as "is there".
  if (match.prefix !== undefined) return match.prefix === '' ? { kind: 'present' } : { kind: 'prefix', value: match.prefix };
  if (match.regex !== undefined) return match.regex === '*' ? { kind: 'present' } : { kind: 'regex', value: match.regex };
  return { kind: 'present' };
}

const retries = (spec: NonNullable<Http['retries']>): Retries => ({
  attempts: spec.attempts ?? 0,
  perTryTimeout: duration(spec.perTryTimeout),
  retryOn: spec.retryOn ?? '',
  retryRemoteLocalities: spec.retryRemoteLocalities ?? false,
  retryIgnorePreviousHosts: spec.retryIgnorePreviousHosts,
  backoff: duration(spec.backoff),
});

function fault({ delay, abort }: NonNullable<Http['fault']>): Fault {
  // Without a percentage no request is meant: Istio's documented default.
  const percentOf = (part: { percentage?: { value?: number }; percent?: number }): number =>
    part.percentage === undefined ? (part.percent ?? 0) : (part.percentage.value ?? 0);
  return {
    delay: delay?.fixedDelay === undefined ? undefined : { percent: percentOf(delay), fixed: milliseconds(delay.fixedDelay) },
    abort: abort && {
      percent: percentOf(abort),
      ...(abort.httpStatus !== undefined && { httpStatus: abort.httpStatus }),
      ...(abort.grpcStatus !== undefined && { grpcStatus: abort.grpcStatus }),
    },
  };
}

function mirroring(rule: Http, reader: Reader): Mirroring {
  const share = (percentage: Http['mirrorPercentage']) => percentage && (percentage.value ?? 0);
  return {
    to: rule.mirror && destination(rule.mirror, reader),
    percent: share(rule.mirrorPercentage) ?? rule.mirrorPercent,
    more: (rule.mirrors ?? []).flatMap(({ destination: to, percentage }): Mirror[] =>
      to === undefined ? [] : [{ destination: destination(to, reader), percent: share(percentage) ?? 100 }],
    ),
  };
}

const cors = (spec: NonNullable<Http['corsPolicy']>): Cors => ({
  // The older list counts only where the newer is not given. An origin of exactly `*` is any.
  allowOrigins:
    spec.allowOrigins?.flatMap((origin) => stringMatch(origin) ?? []) ??
    (spec.allowOrigin ?? []).map((value): StringMatch => ({ kind: 'exact', value })),
  allowMethods: spec.allowMethods ?? [],
  allowHeaders: spec.allowHeaders ?? [],
  exposeHeaders: spec.exposeHeaders ?? [],
  maxAge: duration(spec.maxAge),
  allowCredentials: spec.allowCredentials,
  forwardUnmatchedPreflights: spec.unmatchedPreflights !== 'IGNORE',
});

function headers(spec: Http['headers']): Headers | undefined {
  if (spec?.request === undefined && spec?.response === undefined) return undefined;
  return { request: changes(spec.request), response: changes(spec.response) };
}

function changes(spec: NonNullable<Http['headers']>['request']): HeaderChanges | undefined {
  return spec && { set: spec.set ?? {}, add: spec.add ?? {}, remove: spec.remove ?? [] };
}

function tlsRule(rule: TlsRoute, path: Path, reader: Reader): TlsRule {
  return {
    matches: (rule.match ?? []).map((match) => ({
      ...source(match, reader),
      sniHosts: match.sniHosts ?? [],
      destinationSubnets: match.destinationSubnets ?? [],
    })),
    destinations: weighted(rule.route ?? [], reader),
    path,
  };
}

function tcpRule(rule: TcpRoute, path: Path, reader: Reader): TcpRule {
  return {
    matches: (rule.match ?? []).map((match) => ({
      ...source(match, reader),
      destinationSubnets: match.destinationSubnets ?? [],
    })),
    destinations: weighted(rule.route ?? [], reader),
    path,
  };
}

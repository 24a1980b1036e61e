// Why a request or connection that has failed did so: the records of both ends → one sentence, the objects behind it, what to do.
// Pure: what is known of the mesh beside the records is handed in.

import type { Exchange } from './join.ts';
import { harmlessFlags, hasFailed, type AccessRecord } from './record.ts';
import { callerNames, destinationNames, failedIn } from './request-row.ts';
import { detailMeaning } from './response-details.ts';
import { flagText, responseFlags } from './response-flags.ts';
import { downstreamFailure, upstreamFailure } from './transport-failure.ts';

/** An object and a field of it: `VirtualService/default/reviews`, `spec.http[0]`. */
export interface OriginName {
  readonly object: string;
  /** Empty for the whole object. */
  readonly path: string;
}

/** What the control plane knows now of what a record names. */
export interface Known {
  /** The objects behind the cluster that the caller's proxy used. */
  readonly cluster: readonly OriginName[];
  /** Whether that cluster stands for no service: its caller was passed on to where it dialled. */
  readonly undeclared: boolean;
  /** The rules of the virtual host that the caller's proxy used. */
  readonly rules: readonly OriginName[];
  /** That cluster's endpoints; undefined: not known. */
  readonly endpoints: number | undefined;
  /** The ALLOW policies of the destination. */
  readonly allowing: readonly OriginName[];
  /** Where the TLS mode that the destination takes is said; empty: nowhere. */
  readonly authentication: readonly OriginName[];
}

export interface Cause {
  readonly says: string;
  /** Envoy's own words, for who knows them. */
  readonly evidence: readonly string[];
  readonly origins: readonly OriginName[];
  readonly fix: string;
}

interface Found {
  readonly says: string;
  readonly fix: string;
  /** Undefined: the route and the cluster. */
  readonly origins?: readonly OriginName[];
}

/** Undefined where nothing failed. */
export function causeOf(exchange: Exchange, known: Known): Cause | undefined {
  if (!failedIn(exchange)) return undefined;
  const { caller, destination } = exchange;
  const record = decisive(exchange);
  if (record === undefined) return undefined;
  const names = {
    caller: callerNames(exchange)[0] ?? 'the caller',
    destination: destinationNames(exchange)[0] ?? 'the destination',
  };
  const scene: Scene = { record, caller, destination, names, known };
  const found = findings.map((finding) => finding(scene)).find((each) => each !== undefined) ?? byStatus(scene);
  return {
    says: found.says,
    evidence: evidenceOf(exchange),
    origins: distinct(found.origins ?? [...routeOrigins(caller), ...known.cluster]),
    fix: found.fix,
  };
}

interface Scene {
  /** The record that is nearest to the cause. */
  readonly record: AccessRecord;
  readonly caller: AccessRecord | undefined;
  readonly destination: AccessRecord | undefined;
  readonly names: { readonly caller: string; readonly destination: string };
  readonly known: Known;
}

/** What came by way of the destination, its own proxy knows better. */
function decisive({ kind, caller, destination }: Exchange): AccessRecord | undefined {
  if (caller === undefined || destination === undefined) return caller ?? destination;
  const passedOn =
    caller.details === 'via_upstream' || caller.flags.length === 0 || caller.flags.some((flag) => passing.has(flag));
  const destinationFailed =
    hasFailed(destination) &&
    !(kind === 'request' && destination.flags.every((flag) => leaving.has(flag)) && destination.flags.length > 0);
  return passedOn && destinationFailed ? destination : caller;
}

/** How the end of a connection at the other side looks from here. */
const passing: ReadonlySet<string> = new Set(['UC', 'UR', 'UF', 'URX', 'LR']);
/** How the end of a connection looks from the other side of who ended it. */
const leaving: ReadonlySet<string> = new Set(['DC', 'DR']);

/** In this order: what knows the most first. */
const findings: readonly ((scene: Scene) => Found | undefined)[] = [
  denied,
  noChain,
  handshake,
  token,
  tooMuch,
  timedOut,
  faulty,
  noRoute,
  noEndpoint,
  noConnection,
  gone,
  byDetails,
  byFlags,
];

const policyName = /ns\[([^\]]+)\]-policy\[([^\]]+)\]-rule\[(\d+)\]/;

function denied({ record, names, known }: Scene): Found | undefined {
  const reason = [record.details, record.termination].find((text) => text.startsWith('rbac_access_denied'));
  if (reason === undefined) return undefined;
  const what = record.kind === 'request' ? 'request' : 'connection';
  const [, namespace, name, rule] = policyName.exec(reason) ?? [];
  if (namespace === undefined || name === undefined || rule === undefined) {
    return {
      says: `${names.destination} has ALLOW policies, and no rule of them allows this ${what} of ${names.caller}`,
      origins: known.allowing,
      fix: 'add a rule that allows it: by the caller’s identity, namespace, or the request’s method and path',
    };
  }
  const origin = { object: `AuthorizationPolicy/${namespace}/${name}`, path: `spec.rules[${rule}]` };
  return {
    says: `a DENY rule of ${origin.object} matches this ${what} of ${names.caller}`,
    origins: [origin],
    fix: 'narrow the rule, or call in a way that it does not match',
  };
}

/** A connection that no filter chain takes. */
function noChain({ record, names, known }: Scene): Found | undefined {
  if (record.kind !== 'refused' || !record.flags.includes('NR')) return undefined;
  if (record.side === 'gateway') {
    const name = record.serverName;
    return {
      says:
        name === ''
          ? 'no server of the gateway’s port takes connections without a server name (SNI)'
          : `no server of the gateway’s port is for the server name ${name}`,
      fix: 'add the name to the hosts of a server, or call by one of them',
    };
  }
  return {
    says: `${names.destination} takes only mutual TLS there, and ${names.caller} came without it`,
    origins: known.authentication,
    fix: 'put the caller into the mesh, let its DestinationRule’s tls mode be ISTIO_MUTUAL (or leave it out), or let the PeerAuthentication be PERMISSIVE',
  };
}

function handshake({ record, destination }: Scene): Found | undefined {
  const below = destination?.downstreamFailure ?? '';
  const found = (below === '' ? undefined : downstreamFailure(below)) ?? tlsFailure(record.upstreamFailure);
  return found && { says: `the TLS handshake failed: ${found.says}`, fix: found.fix };
}

const tlsFailure = (reason: string) => (/TLS|SSL|certificate/i.test(reason) ? upstreamFailure(reason) : undefined);

/** `jwt_authn_access_denied{Jwt_is_missing}`. */
function token({ record }: Scene): Found | undefined {
  const [, reason] = /^jwt_authn_access_denied\{([^}]*)\}/.exec(record.details) ?? [];
  const meaning = detailMeaning(record.details);
  if (reason === undefined || meaning === undefined) return undefined;
  return { says: `${meaning.says}: ${reason.replaceAll('_', ' ')}`, fix: meaning.fix };
}

function tooMuch({ record, known }: Scene): Found | undefined {
  if (!record.flags.includes('UO')) return undefined;
  return {
    says: 'a limit on connections or requests to the destination was reached',
    origins: known.cluster,
    fix: responseFlags['UO']?.fix ?? '',
  };
}

function timedOut({ record, names }: Scene): Found | undefined {
  if (!record.flags.includes('UT')) return undefined;
  const perTry = record.details.startsWith('upstream_per_try');
  const attempts = record.attempts ?? 1;
  const tried = attempts > 1 ? `, in ${attempts} attempts` : '';
  return {
    says: `${names.destination} had not answered after ${record.duration ?? 0} ms${tried}: ${perTry ? 'the time for an attempt was over' : 'the time for the request was over'}`,
    origins: routeOrigins(record),
    fix: perTry
      ? 'raise perTryTimeout of the rule’s retries, or make the destination answer sooner'
      : 'raise the timeout of the rule, or make the destination answer sooner',
  };
}

function faulty({ record }: Scene): Found | undefined {
  if (!record.flags.includes('FI')) return undefined;
  return {
    says: `a fault of the rule aborted it with ${record.code ?? 0}`,
    origins: routeOrigins(record).map(({ object, path }) => ({ object, path: `${ruleOf(path)}.fault.abort` })),
    fix: 'take the fault out of the rule when the experiment is over',
  };
}

function noRoute({ record, known }: Scene): Found | undefined {
  const { flags, details, authority, method, path, virtualHost } = record;
  if (record.kind !== 'request') return undefined;
  if (flags.includes('NC') || details === 'cluster_not_found') {
    return {
      says: `the route leads to ${record.cluster === '' ? 'a cluster' : record.cluster}, which ${writerOf(record)}’s proxy does not have`,
      origins: routeOrigins(record),
      fix: 'see that the service, its port and the subset exist, and that the caller may see them: exportTo and Sidecar can hide them',
    };
  }
  if (!flags.includes('NR')) return undefined;
  if (details === 'route_configuration_not_found') {
    return {
      says: `${writerOf(record)}’s proxy has not got its route table yet`,
      fix: 'see lateen status: has its configuration arrived?',
    };
  }
  const origins = known.rules.length > 0 ? known.rules : originsOf(record.virtualHostOrigin);
  return virtualHost === ''
    ? {
        says: `${writerOf(record)} has no host ${authority}: neither a service nor a VirtualService that it sees has the name`,
        origins: [],
        fix: 'correct the host, or declare it: Service, ServiceEntry, or the hosts of a Gateway and its VirtualServices',
      }
    : {
        says: `no rule for ${virtualHost.replace(/:\d+$/, '')} matches ${method} ${path}`,
        origins,
        fix: `add a rule that matches it, or one without matches at the end: lateen why ${record.side === 'gateway' ? '--gateway' : '--from'} ${writerOf(record)} ${method} http://${authority}${path} shows how near the others came`,
      };
}

function noEndpoint({ record, names, known }: Scene): Found | undefined {
  if (!record.flags.includes('UH')) return undefined;
  const [, , subset = ''] = record.cluster.split('|');
  const what = subset === '' ? names.destination : `subset ${subset} of ${names.destination}`;
  if (known.endpoints === 0) {
    return {
      says: `${what} has no endpoints`,
      origins: [...known.cluster, ...routeOrigins(record)],
      fix:
        subset === ''
          ? 'start pods that the Service’s selector matches, and see that they are ready: lateen ps'
          : 'start pods with the labels of the subset, or correct them in the DestinationRule',
    };
  }
  const now = known.endpoints === undefined ? '' : `; it has ${known.endpoints} now`;
  return {
    says: `${what} had no healthy endpoint${now}`,
    origins: [...known.cluster, ...routeOrigins(record)],
    fix: 'see that its pods are ready, and whether outlierDetection has taken endpoints out: lateen proxy WORKLOAD endpoints',
  };
}

const undeclaredFix = 'correct the address: it belongs to no service that the caller sees, so it was called as it is';

/** No connection, without a word of TLS. */
function noConnection({ record, names, caller, destination, known }: Scene): Found | undefined {
  const reason = record.upstreamFailure;
  if (!record.flags.includes('UF') && reason === '') return undefined;
  const address = record.endpoint === '' || names.destination.includes(record.endpoint) ? '' : ` at ${record.endpoint}`;
  const own = record === destination;
  const who = own
    ? `${names.destination}’s proxy could not connect to its own application${address}`
    : `${names.caller} could not connect to ${names.destination}${address}`;
  const found = upstreamFailure(reason === '' ? record.details : reason);
  return {
    says: found === undefined ? who : `${who}: ${found.says}`,
    origins: own && caller === undefined ? originsOf(record.chainOrigin) : known.cluster,
    fix: known.undeclared ? undeclaredFix : (found?.fix ?? responseFlags['UF']?.fix ?? ''),
  };
}

function gone({ record, names, destination }: Scene): Found | undefined {
  const { flags } = record;
  const server = record === destination ? `the application of ${names.destination}` : names.destination;
  if (flags.includes('UC') || flags.includes('UR')) {
    return {
      says: `${server} ${flags.includes('UC') ? 'closed the connection' : 'reset the stream'} before its answer was complete`,
      origins: [],
      fix: 'see what it did: lateen logs, and whether it ended, or closes idle connections earlier than the proxy expects',
    };
  }
  if (flags.some((flag) => leaving.has(flag))) {
    return {
      says: `${names.caller} went away after ${record.duration ?? 0} ms, before the answer was complete`,
      origins: [],
      fix: 'see why it gave up: its own timeout, mostly',
    };
  }
  return undefined;
}

function byDetails({ record }: Scene): Found | undefined {
  return [record.details, record.termination, record.closed].map(detailMeaning).find((meaning) => meaning !== undefined);
}

function byFlags({ record }: Scene): Found | undefined {
  const flag = record.flags.find((each) => responseFlags[each] !== undefined && !harmlessFlags.has(each));
  return flag === undefined ? undefined : responseFlags[flag];
}

/** Nothing in between failed: the answer is the application's own. */
function byStatus({ record, names, destination }: Scene): Found {
  const grpc = record.grpcStatus === '' || record.grpcStatus === '0' ? '' : ` with gRPC status ${record.grpcStatus}`;
  const answered = `answered ${record.code ?? 0}${grpc}`;
  if (record.kind === 'request' && record.details === 'via_upstream') {
    return {
      says:
        destination === undefined
          ? `${names.destination} ${answered} (it has no proxy whose record says more)`
          : `the application of ${names.destination} itself ${answered}`,
      origins: [],
      fix: `see what it says: lateen logs ${names.destination}`,
    };
  }
  return {
    says: `it ended${record.kind === 'request' ? ` with ${record.code ?? 0}` : ''}, and the proxies do not say why`,
    fix: 'see the evidence',
  };
}

/** `VirtualService/default/echo#spec.http[2].match[0]`. */
export function originsOf(source: string): readonly OriginName[] {
  if (source === '') return [];
  const [object = '', path = ''] = source.split('#');
  return [{ object, path }];
}

const routeOrigins = (record: AccessRecord | undefined): readonly OriginName[] =>
  record === undefined ? [] : originsOf(record.routeOrigin === '' ? record.chainOrigin : record.routeOrigin);

/** The rule that a match is of. */
const ruleOf = (path: string): string => path.replace(/\.match\[\d+\]$/, '');

const writerOf = ({ writer: { workload, namespace } }: AccessRecord): string => `${workload}.${namespace}`;

function evidenceOf({ caller, destination, attempts }: Exchange): readonly string[] {
  const told = (record: AccessRecord, who: string): string[] => {
    const { flags, details, termination, upstreamFailure: upstream, downstreamFailure: downstream, closed } = record;
    const words = [flags.map(flagText).join(', '), details, termination, upstream, downstream, closed];
    const said = [...new Set(words)].filter(
      (word) => word !== '' && !words.some((other) => other !== word && other.includes(word)),
    );
    return said.length === 0 ? [] : [`${who}: ${said.join('; ')}`];
  };
  return [
    ...(caller ? told(caller, `${writerOf(caller)}’s proxy`) : []),
    ...(destination ? told(destination, `${writerOf(destination)}’s proxy`) : []),
    ...attempts.flatMap((record) => told(record, `an earlier attempt, at ${record.local}`)),
  ];
}

function distinct(origins: readonly OriginName[]): readonly OriginName[] {
  const seen = new Map(origins.map((origin) => [`${origin.object}#${origin.path}`, origin]));
  return [...seen.values()];
}

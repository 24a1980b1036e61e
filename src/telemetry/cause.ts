// Why a request or connection that has failed did so: the records of both ends → one sentence, the objects behind it, what to do.
// Pure: what is known of the mesh beside the records is handed in.

import { gone, handshake, noChain, noConnection } from './connection-findings.ts';
import type { Exchange } from './join.ts';
import type { Meaning } from './meaning.ts';
import { harmlessFlags, hasFailed, type AccessRecord } from './record.ts';
import { callerNames, destinationNames, failedIn } from './request-row.ts';
import { detailMeaning } from './response-details.ts';
import { flagText, responseFlags } from './response-flags.ts';
import { faulty, noEndpoint, noRoute, timedOut, tooMuch, unregistered } from './route-findings.ts';
import { leaving, routeOrigins, writerOf, type Found, type Known, type OriginName, type Scene } from './scene.ts';

export interface Cause extends Meaning {
  /** Envoy's own words, for who knows them. */
  readonly evidence: readonly string[];
  readonly origins: readonly OriginName[];
  /** What else was looked at before it was decided, and why that did not decide: one line each. */
  readonly considered: readonly string[];
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
    considered: found.considered ?? [],
  };
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
/** In this order: what knows the most first. */
const findings: readonly ((scene: Scene) => Found | undefined)[] = [
  denied,
  noChain,
  handshake,
  token,
  tooMuch,
  timedOut,
  faulty,
  unregistered,
  noRoute,
  noEndpoint,
  noConnection,
  gone,
  byDetails,
  byFlags,
];

const policyName = /ns\[([^\]]+)\]-policy\[([^\]]+)\]-rule\[(\d+)\]/;

/** Conditions that a record cannot tell of: only what everybody may read is recorded. */
const untold = /\b(?:header|query|parameter|claim|token|metadata)\b/i;

function denied({ record, names, known }: Scene): Found | undefined {
  const reason = [record.details, record.termination].find((text) => text.startsWith('rbac_access_denied'));
  if (reason === undefined) return undefined;
  const what = record.kind === 'request' ? 'request' : 'connection';
  // What comes from outside came to the gateway: its record is that of a caller.
  const [at, from] =
    record.side === 'gateway' ? [writerOf(record), record.remote.replace(/:\d+$/, '')] : [names.destination, names.caller];
  const [, namespace, name, rule] = policyName.exec(reason) ?? [];
  if (namespace === undefined || name === undefined || rule === undefined) {
    const lacks = known.considered.map((rule) => rule.text);
    return {
      says: `${at} has ALLOW policies, and no rule of them allows this ${what} of ${from}`,
      origins: known.considered.length > 0 ? known.considered.map(({ object, path }) => ({ object, path })) : known.allowing,
      fix:
        record.kind === 'request'
          ? 'add a rule that allows it: by the caller’s identity, namespace, or the request’s method and path'
          : 'add a rule that allows it: by the caller’s identity, namespace or address, or by the port',
      considered: lacks.some((lack) => untold.test(lack))
        ? [...lacks, 'headers, queries and tokens are not recorded: what asks for them is taken not to hold']
        : lacks,
    };
  }
  const origin = { object: `AuthorizationPolicy/${namespace}/${name}`, path: `spec.rules[${rule}]` };
  return {
    says: `a DENY rule of ${origin.object} matches this ${what} of ${from}`,
    origins: [origin],
    fix: 'narrow the rule, or call in a way that it does not match',
  };
}

/** `jwt_authn_access_denied{Jwt_is_missing}`. */
function token({ record }: Scene): Found | undefined {
  const [, reason] = /^jwt_authn_access_denied\{([^}]*)\}/.exec(record.details) ?? [];
  const meaning = detailMeaning(record.details);
  if (reason === undefined || meaning === undefined) return undefined;
  return { says: `${meaning.says}: ${reason.replaceAll('_', ' ')}`, fix: meaning.fix };
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

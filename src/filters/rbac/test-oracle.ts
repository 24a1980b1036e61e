// What AuthorizationPolicies mean, straight from their specs: the other opinion for tests of what they become.

import type { AuthorizationPolicy, Condition, Operation, Rule, Source } from '../../api/authorization-policy.ts';
import type { TestRequest } from './test-evaluator.ts';

type Spec = AuthorizationPolicy['spec'];

/** Trust domains of the mesh. */
const own = ['td1', 'td2'];

/** Whether the policies let a request, or a TCP connection, through. All are in namespace foo. */
export function allows(specs: readonly Spec[], request: TestRequest): boolean {
  const matched = (spec: Spec) => (spec.rules ?? []).some((rule) => ruleMatches(rule, spec.action === 'DENY', request));
  if (specs.some((spec) => spec.action === 'DENY' && matched(spec))) return false;
  const allowing = specs.filter((spec) => spec.action !== 'DENY');
  return allowing.length === 0 || allowing.some(matched);
}

/** A condition's answer; undefined: it cannot be asked of a TCP connection. */
type Answer = boolean | undefined;

function ruleMatches(rule: Rule, denies: boolean, request: TestRequest): boolean {
  const from = (rule.from ?? []).map(({ source = {} }) => sourceAnswers(source, request));
  const to = (rule.to ?? []).map(({ operation = {} }) => operationAnswers(operation, request));
  const when = (rule.when ?? []).flatMap((condition) => whenAnswers(condition, request));
  // Allowing errs on the side of refusal, denying too.
  if (!denies && [...from.flat(), ...to.flat(), ...when].includes(undefined)) return false;
  const holds = (answers: readonly Answer[]) => answers.every((answer) => answer ?? true);
  return (from.length === 0 || from.some(holds)) && (to.length === 0 || to.some(holds)) && holds(when);
}

/** The answers to `x` and `notX`, of those that are asked. */
function pair(
  yes: readonly string[] = [],
  no: readonly string[] = [],
  matches: ((value: string) => boolean) | undefined,
): Answer[] {
  const some = yes.length === 0 ? [] : [matches && yes.some(matches)];
  return no.length === 0 ? some : [...some, matches && !no.some(matches)];
}

const sourceAnswers = (source: Source, request: TestRequest): Answer[] => [
  ...pair(source.principals, source.notPrincipals, (value) => isPrincipal(value, request)),
  ...pair(
    source.requestPrincipals,
    source.notRequestPrincipals,
    ofHttp(request, (value) => isRequestPrincipal(value, request)),
  ),
  ...pair(source.namespaces, source.notNamespaces, (value) => isNamespace(value, request)),
  ...pair(source.serviceAccounts, source.notServiceAccounts, (value) => isAccount(value, request)),
  ...pair(source.trustDomains, source.notTrustDomains, (value) => isDomain(value, request)),
  ...pair(source.ipBlocks, source.notIpBlocks, (value) => isIn(value, request.peer)),
  ...pair(source.remoteIpBlocks, source.notRemoteIpBlocks, (value) => isIn(value, request.remote)),
];

const operationAnswers = (operation: Operation, request: TestRequest): Answer[] => [
  ...pair(
    operation.hosts,
    operation.notHosts,
    header(request, ':authority', (text) => text.toLowerCase()),
  ),
  ...pair(operation.methods, operation.notMethods, header(request, ':method')),
  ...pair(
    operation.paths,
    operation.notPaths,
    ofHttp(request, (value) => isPath(value, request)),
  ),
  ...pair(operation.ports, operation.notPorts, (value) => Number(value) === request.port),
];

function whenAnswers({ key, values, notValues }: Condition, request: TestRequest): Answer[] {
  const name = /^request\.headers\[(.*)\]$/.exec(key)?.[1];
  if (name !== undefined) return pair(values, notValues, header(request, name.toLowerCase()));
  if (key === 'source.namespace') return pair(values, notValues, (value) => isNamespace(value, request));
  if (key === 'source.ip') return pair(values, notValues, (value) => isIn(value, request.peer));
  if (key === 'destination.ip') return pair(values, notValues, (value) => isIn(value, request.destination));
  if (key === 'connection.sni') return pair(values, notValues, (value) => glob(value, request.sni));
  if (key === 'request.auth.audiences')
    return pair(
      values,
      notValues,
      ofHttp(request, (value) => isAudience(value, request)),
    );
  throw new Error(`the oracle does not know ${key}`);
}

const ofHttp = ({ headers }: TestRequest, matches: (value: string) => boolean) => (headers === undefined ? undefined : matches);

const header = (request: TestRequest, name: string, fold: (text: string) => string = (text) => text) =>
  ofHttp(request, (value) => (request.headers?.[name] ?? []).some((given) => value === '*' || glob(fold(value), fold(given))));

/** `x`, `x*`, `*x`, `*`. */
function glob(pattern: string, text: string): boolean {
  if (pattern === '*') return text !== '';
  if (pattern.startsWith('*')) return text.endsWith(pattern.slice(1));
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

interface Identity {
  readonly text: string;
  readonly domain: string;
  readonly namespace: string;
  readonly account: string;
}

function identityOf({ identity }: TestRequest): Identity | undefined {
  const text = identity?.slice('spiffe://'.length);
  const [domain, , namespace, , account] = text?.split('/') ?? [];
  if (text === undefined || domain === undefined || namespace === undefined || account === undefined) return undefined;
  return { text, domain, namespace, account };
}

function isPrincipal(value: string, request: TestRequest): boolean {
  const identity = identityOf(request);
  if (identity === undefined) return false;
  if (glob(value, identity.text)) return value === '*' || !isLocalWord(value) || own.includes('cluster.local');
  // A principal of the mesh is one under all of its names.
  const [domain = '', ...rest] = value.split('/');
  const ofMesh = rest.length === 4 && domain !== '*' && (domain === 'cluster.local' || own.some((name) => glob(domain, name)));
  return ofMesh && own.includes(identity.domain) && glob([identity.domain, ...rest].join('/'), identity.text);
}

/** `cluster.local` is not a trust domain of its own in policies, but a word for the mesh's. */
const isLocalWord = (value: string): boolean => /^cluster\.local(\/[^/]*){4}$/.test(value);

function isNamespace(value: string, request: TestRequest): boolean {
  const namespace = identityOf(request)?.namespace;
  if (namespace === undefined) return false;
  const [first = '', ...others] = value.split('*');
  if (others.length === 0) return namespace === value;
  const last = others.pop() ?? '';
  let rest = namespace;
  if (!rest.startsWith(first)) return false;
  rest = rest.slice(first.length);
  for (const part of others) {
    const at = rest.indexOf(part);
    if (at < 0) return false;
    rest = rest.slice(at + part.length);
  }
  return rest.endsWith(last);
}

function isAccount(value: string, request: TestRequest): boolean {
  const identity = identityOf(request);
  const [namespace, account] = value.includes('/') ? value.split('/') : ['foo', value];
  return identity !== undefined && identity.namespace === namespace && identity.account === account;
}

function isDomain(value: string, request: TestRequest): boolean {
  const domain = identityOf(request)?.domain;
  if (domain === undefined) return false;
  return own.includes(value) ? own.includes(domain) : glob(value, domain);
}

function isIn(block: string, address: string): boolean {
  const bits = (text: string) =>
    text
      .split('.')
      .map((byte) => Number(byte).toString(2).padStart(8, '0'))
      .join('');
  const [base = '', length = '32'] = block.split('/');
  return bits(base).slice(0, Number(length)) === bits(address).slice(0, Number(length));
}

function isPath(value: string, request: TestRequest): boolean {
  const path = (request.headers?.[':path']?.[0] ?? '').split('?')[0] ?? '';
  if (!value.includes('{')) return glob(value, path);
  const given = path.split('/');
  const wanted = value.split('/');
  if (wanted.at(-1) === '{**}') return given.length >= wanted.length && segmentsMatch(wanted.slice(0, -1), given);
  return given.length === wanted.length && segmentsMatch(wanted, given);
}

const segmentsMatch = (wanted: readonly string[], given: readonly string[]): boolean =>
  wanted.every((segment, index) => (segment === '{*}' ? given[index] !== '' : segment === given[index]));

interface Payload {
  readonly iss?: string;
  readonly sub?: string;
  readonly aud?: string | readonly string[];
}

const payloadOf = ({ metadata }: TestRequest): Payload | undefined => {
  const jwt = metadata['envoy.filters.http.jwt_authn'] as { readonly payload: Payload } | undefined;
  return jwt?.payload;
};

function isAudience(value: string, request: TestRequest): boolean {
  const { aud = [] } = payloadOf(request) ?? {};
  return (typeof aud === 'string' ? [aud] : aud).some((audience) => glob(value, audience));
}

/** Only the forms that the tests use: `ISS/SUB`, `ISS/*`, `*` and `*SUB`. */
function isRequestPrincipal(value: string, request: TestRequest): boolean {
  const { iss = '', sub = '' } = payloadOf(request) ?? {};
  if (iss === '' || sub === '') return false;
  if (value === '*') return true;
  const at = value.lastIndexOf('/');
  return at < 0 ? glob(value, sub) : value.slice(0, at) === iss && glob(value.slice(at + 1), sub);
}

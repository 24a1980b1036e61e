// Rules that hand over to another object → that object's rules in their place (istio.md §1.2): conditions joined, and what the
// delegate leaves open taken from the rule that hands over.

import { objectKey } from '../store/store.ts';
import {
  mirrorsOf,
  type Handover,
  type HttpMatch,
  type HttpRule,
  type LeftOut,
  type Mirroring,
  type PathMatch,
  type Route,
  type WrittenRoute,
} from './route.ts';
import { isVisible } from './visibility.ts';

/** The keys of the objects that an object hands over to. */
export const delegatesOf = ({ http }: WrittenRoute): string[] => http.flatMap((rule) => ('to' in rule ? [keyOf(rule)] : []));

const keyOf = ({ to }: Handover): string => objectKey(to.namespace, to.name);

/** An object with its delegates' rules in place. A rule that hands over in vain is left out, and so is one that contradicts it. */
export function withDelegates(written: WrittenRoute, at: (key: string) => WrittenRoute | undefined): Route {
  const leftOut: LeftOut[] = [];
  const http = written.http.flatMap((rule): HttpRule[] => {
    if (!('to' in rule)) return [rule];
    const delegate = at(keyOf(rule));
    const reason = refusal(delegate, written.namespace);
    if (delegate === undefined || reason !== undefined) {
      leftOut.push({ reason: reason ?? 'absent', handover: rule, rule });
      return [];
    }
    return delegate.http.flatMap((leaf) => {
      if ('to' in leaf) return [];
      const matches = joinedMatches(rule.matches, leaf);
      if (matches === undefined) leftOut.push({ reason: 'contradicts', handover: rule, rule: leaf });
      return matches === undefined ? [] : [joinedRule(rule, leaf, matches)];
    });
  });
  return { ...written, http, leftOut };
}

function refusal(delegate: WrittenRoute | undefined, from: string): LeftOut['reason'] | undefined {
  if (delegate === undefined) return 'absent';
  if (delegate.hosts.length > 0) return 'has hosts';
  return isVisible(delegate.visibility, from) ? undefined : 'not exported';
}

const joinedName = (root: string, leaf: string): string => [root, leaf].filter(Boolean).join('-');

function joinedRule(root: Handover, leaf: HttpRule, matches: readonly HttpMatch[]): HttpRule {
  const mirroring = joinedMirroring(root.mirroring, leaf.mirroring);
  return {
    ...leaf,
    name: joinedName(root.name, leaf.name),
    matches,
    rewrite: leaf.rewrite ?? root.rewrite,
    timeout: leaf.timeout ?? root.timeout,
    retries: leaf.retries ?? root.retries,
    fault: leaf.fault ?? root.fault,
    mirroring,
    mirrors: mirrorsOf(mirroring),
    cors: leaf.cors ?? root.cors,
    headers: leaf.headers ?? root.headers,
  };
}

/** One mirror, its share and a list of mirrors are three fields: what one of them says, another does not take back. */
const joinedMirroring = (root: Mirroring, leaf: Mirroring): Mirroring => ({
  to: leaf.to ?? root.to,
  percent: leaf.percent ?? root.percent,
  more: leaf.more.length > 0 ? leaf.more : root.more,
});

/** Each match of the delegate under each of the root's that it does not contradict; undefined where one contradicts all of them. */
function joinedMatches(roots: readonly HttpMatch[], { matches: leaves, path }: HttpRule): readonly HttpMatch[] | undefined {
  if (roots.length === 0) return leaves;
  if (leaves.length === 0) return roots.map((root) => ({ ...root, path }));
  const joined = leaves.map((leaf) =>
    roots.filter((root) => !contradicts(root, leaf)).map((root): HttpMatch => joinedMatch(root, leaf)),
  );
  return joined.some((found) => found.length === 0) ? undefined : joined.flat();
}

const joinedMatch = (root: HttpMatch, leaf: HttpMatch): HttpMatch => ({
  ...leaf,
  name: joinedName(root.name, leaf.name),
  uri: leaf.uri ?? root.uri,
  scheme: leaf.scheme ?? root.scheme,
  method: leaf.method ?? root.method,
  authority: leaf.authority ?? root.authority,
  headers: joinedNamed(root.headers, leaf.headers),
  withoutHeaders: joinedNamed(root.withoutHeaders, leaf.withoutHeaders),
  queryParams: joinedNamed(root.queryParams, leaf.queryParams),
  port: leaf.port ?? root.port,
  sourceLabels: { ...root.sourceLabels, ...leaf.sourceLabels },
  sourceNamespace: leaf.sourceNamespace ?? root.sourceNamespace,
  gateways: leaf.gateways.length > 0 ? leaf.gateways : root.gateways,
  statPrefix: leaf.statPrefix || root.statPrefix,
});

type Named = HttpMatch['headers'];

const joinedNamed = (root: Named, leaf: Named): Named =>
  [...new Map([...root, ...leaf])].toSorted(([a], [b]) => (a < b ? -1 : 1));

/** Whether the delegate's match asks for requests that the root's does not hand over, as far as Istio tells. */
function contradicts(root: HttpMatch, leaf: HttpMatch): boolean {
  const labels = Object.entries(leaf.sourceLabels).some(([key, value]) => (root.sourceLabels[key] ?? value) !== value);
  return (
    apart(root.uri, leaf.uri) ||
    apart(root.scheme, leaf.scheme) ||
    apart(root.method, leaf.method) ||
    apart(root.authority, leaf.authority) ||
    namedApart(root.headers, leaf.headers) ||
    namedApart(root.withoutHeaders, leaf.withoutHeaders) ||
    namedApart(root.queryParams, leaf.queryParams) ||
    root.ignoreUriCase !== leaf.ignoreUriCase ||
    (root.port !== undefined && leaf.port !== undefined && root.port !== leaf.port) ||
    (root.sourceNamespace !== undefined && root.sourceNamespace !== leaf.sourceNamespace) ||
    labels ||
    (root.gateways.length > 0 && !leaf.gateways.every((gateway) => root.gateways.includes(gateway)))
  );
}

function namedApart(root: Named, leaf: Named): boolean {
  const conditions = new Map(root);
  return leaf.some(([name, condition]) => apart(conditions.get(name), condition));
}

/** Of two conditions on one thing the delegate's must be the same text, or begin with the root's prefix. */
function apart(root: PathMatch | undefined, leaf: PathMatch | undefined): boolean {
  if (root === undefined || leaf === undefined) return false;
  if (root.kind === 'exact') return leaf.kind !== 'exact' || leaf.value !== root.value;
  if (root.kind !== 'prefix') return true;
  return (leaf.kind !== 'prefix' && leaf.kind !== 'exact') || !leaf.value.startsWith(root.value);
}

// Host names as Istio compares them: short names resolved, wildcards ordered by how specific they are.

/** The host that a name in a rule means: a short name stands in its rule's namespace; anything with a dot is already whole. */
export function resolveHost(host: string, namespace: string, domain: string): string {
  if (host.includes('.') || host === '*') return host;
  return `${host}.${namespace}.svc.${domain}`;
}

export const isWildcard = (host: string): boolean => host.startsWith('*');

/** Whether every name that `inner` stands for is one that `outer` stands for. */
export function coversHost(outer: string, inner: string): boolean {
  if (outer === inner || outer === '*') return true;
  if (!isWildcard(outer)) return false;
  const suffix = outer.slice(1);
  return isWildcard(inner) ? inner.slice(1).endsWith(suffix) : inner.endsWith(suffix);
}

/** Whether some name is meant by both. */
export const hostsOverlap = (a: string, b: string): boolean => coversHost(a, b) || coversHost(b, a);

/** Most specific first: whole names before wildcards, longer before shorter, then by letters. */
export function bySpecificity(a: string, b: string): number {
  const wild = Number(isWildcard(a)) - Number(isWildcard(b));
  if (wild !== 0) return wild;
  return b.length - a.length || (a < b ? -1 : a > b ? 1 : 0);
}

/** `reviews` for `reviews.default.svc.cluster.local` to a caller in namespace `default` of that domain. */
export function shortName(host: string, dnsDomain: string): string | undefined {
  const at = dnsDomain.indexOf('.svc.');
  const dot = host.indexOf('.');
  return at > 0 && dot > 0 && host.slice(dot + 1) === dnsDomain ? host.slice(0, dot) : undefined;
}

/**
 * The other names under which a proxy's applications call a host (no ports: the proxy ignores them). Inside Kubernetes' naming:
 * `reviews`, `reviews.default.svc`, `reviews.default` from the same namespace, the latter two from others; elsewhere the part of
 * the name before what it shares with the proxy's own domain.
 */
export function alternativeHosts(host: string, dnsDomain: string): string[] {
  const inKubernetes = dnsDomain.indexOf('.svc.');
  if (inKubernetes >= 0) {
    const end = host.indexOf('.svc.');
    // Services of another domain keep their whole name: its beginning may be another service's here.
    if (end <= 0 || host.indexOf('.') >= end || !host.endsWith(dnsDomain.slice(inKubernetes))) return [];
    const qualified = host.slice(0, end);
    const short = shortName(host, dnsDomain);
    return [...(short === undefined ? [] : [short]), `${qualified}.svc`, qualified];
  }
  const parts = host.split('.');
  const domain = dnsDomain.split('.');
  let shared = 0;
  while (shared < parts.length && shared < domain.length && parts.at(-1 - shared) === domain.at(-1 - shared)) shared++;
  if (shared === 0 || shared === parts.length || dnsDomain === '') return [];
  const unique = parts.slice(0, parts.length - shared);
  const first = domain[domain.length - shared] ?? '';
  const own = unique.join('.');
  return unique.length === 2 ? [own, `${own}.${first}`] : [own];
}

/** An IP address where a host name could stand. */
export const isSingleAddress = (text: string): boolean => /^\d+\.\d+\.\d+\.\d+$|^[\da-f]*:[\da-f:.]*$/i.test(text);

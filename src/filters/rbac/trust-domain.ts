// Trust domains in policies: a principal of this mesh is meant under every name that the mesh has or had.

export interface TrustDomains {
  readonly trustDomain: string;
  /** Names that this mesh had before, or shares identities with. */
  readonly trustDomainAliases: readonly string[];
}

/** Istio's word for "whatever the trust domain of this mesh is called". */
const localDomain = 'cluster.local';

const startsLike = (text: string, pattern: string): boolean => pattern.endsWith('*') && text.startsWith(pattern.slice(0, -1));
const endsLike = (text: string, pattern: string): boolean => pattern.startsWith('*') && text.endsWith(pattern.slice(1));

const alike = (a: string, b: string): boolean =>
  a === b || a === '*' || startsLike(a, b) || startsLike(b, a) || endsLike(a, b) || endsLike(b, a);

/**
 * A principal (`DOMAIN/ns/NAMESPACE/sa/ACCOUNT`) under each trust domain of the mesh. Principals of other domains, of any domain
 * (`*`) and of other forms stay as they are; so does a pattern (`*-td/ns/…`) for the domains that it matches by itself.
 */
export function principalNames(principal: string, { trustDomain, trustDomainAliases }: TrustDomains): readonly string[] {
  const [domain = '', ...rest] = principal.split('/');
  const own = [trustDomain, ...trustDomainAliases];
  if (rest.length !== 4 || domain === '*' || !(domain === localDomain || own.some((name) => alike(name, domain))))
    return [principal];
  return [...new Set(own.map((name) => (endsLike(name, domain) ? principal : [name, ...rest].join('/'))))];
}

/** A trust domain of the mesh means all of them. */
export function trustDomainNames(domain: string, { trustDomain, trustDomainAliases }: TrustDomains): readonly string[] {
  const own = [trustDomain, ...trustDomainAliases];
  return own.includes(domain) ? own : [domain];
}

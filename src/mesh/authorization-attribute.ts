// What an authorization rule can ask about a request: the fields of `from` and `to` and the keys of `when`, under one name each.

/** Attributes of whoever sends the request, that need no more than their name. Names are those of `when` keys where a key exists. */
type SenderName =
  | 'source.ip'
  | 'remote.ip'
  | 'source.namespace'
  | 'source.serviceAccount'
  | 'source.principal'
  | 'source.trustDomain'
  | 'request.auth.principal'
  | 'request.auth.audiences'
  | 'request.auth.presenter';

/** Attributes of what is asked, and of where. */
type TargetName = 'request.host' | 'request.method' | 'request.path' | 'destination.ip' | 'destination.port' | 'connection.sni';

type AttributeName = SenderName | TargetName;

export type SenderAttribute =
  | { readonly kind: SenderName }
  | { readonly kind: 'request.headers'; readonly header: string }
  /** A claim of the request's token; more than one name goes into nested claims. */
  | { readonly kind: 'request.auth.claims'; readonly claim: readonly string[] };

export type TargetAttribute =
  | { readonly kind: TargetName }
  /** What another filter of the proxy wrote about the request (`experimental.envoy.filters.*`). */
  | { readonly kind: 'filter.metadata'; readonly filter: string; readonly key: string }
  /** A key that means nothing here. Kept, because leaving it out would widen or narrow the rule unseen. */
  | { readonly kind: 'unknown'; readonly key: string };

export type Attribute = SenderAttribute | TargetAttribute;

const whenKeys: ReadonlySet<string> = new Set<AttributeName>([
  'source.ip',
  'remote.ip',
  'source.namespace',
  'source.serviceAccount',
  'source.principal',
  'source.trustDomain',
  'request.auth.principal',
  'request.auth.audiences',
  'request.auth.presenter',
  'destination.ip',
  'destination.port',
  'connection.sni',
]);

const isWhenKey = (key: string): key is AttributeName => whenKeys.has(key);

/** The attribute that a `when` key names. */
export function attributeOf(key: string): Attribute {
  if (isWhenKey(key)) return { kind: key };
  const header = /^request\.headers\[(.+)\]$/s.exec(key)?.[1];
  if (header !== undefined) return { kind: 'request.headers', header };
  const claim = /^request\.auth\.claims\[(.+)\]$/s.exec(key)?.[1];
  if (claim !== undefined) return { kind: 'request.auth.claims', claim: nestedNames(claim) };
  const [, filter, name] = /^experimental\.(envoy\.filters\.[^[]+)\[(.+)\]$/s.exec(key) ?? [];
  if (filter !== undefined && name !== undefined) return { kind: 'filter.metadata', filter, key: name };
  return { kind: 'unknown', key };
}

/** `a][b` → `a`, `b`. Brackets that do not pair up this way are part of one name. */
function nestedNames(text: string): readonly string[] {
  const names = text.split('][');
  return names.some((name) => name === '' || /[[\]]/.test(name)) ? [text] : names;
}

/** Whether an attribute is one of the sender (`from`) and not of what is asked (`to`). */
export const isSenderAttribute = (attribute: Attribute): attribute is SenderAttribute =>
  /^(source|remote)\.|^request\.(auth\.|headers$)/.test(attribute.kind);

/** Whether only an HTTP request has the attribute: a TCP connection does not. */
export const needsHttp = ({ kind }: Attribute): boolean => kind.startsWith('request.');

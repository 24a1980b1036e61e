// Who a peer is: by its client certificate or its bearer token. Asked by the certificate service and by every xDS stream.

import type { X509Certificate } from 'node:crypto';
import type { GrpcCall } from '../lib/grpc/call.ts';
import type { TrustBundle } from './bundle.ts';
import { verifyChain } from './chain.ts';
import { isRefusal, refuse, type Refusal } from './refusal.ts';
import { formatSpiffeId, parseSpiffeId, type SpiffeId } from './spiffe.ts';
import type { Tokens } from './tokens.ts';

/** What a peer brought along. Both may be there: then the certificate counts, and the token must agree with it. */
export interface Credentials {
  /** The peer's certificate, then whatever links it sent with it. Not yet checked. */
  readonly certificates?: readonly X509Certificate[];
  /** The value of the `authorization` header. */
  readonly authorization?: string;
}

export interface Authenticator {
  readonly bundle: TrustBundle;
  readonly trustDomain: string;
  /** Links between our own leaves and the roots, for peers that send their leaf alone. */
  readonly intermediates?: readonly X509Certificate[];
  readonly tokens?: Tokens;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** The identity that the credentials prove, or why they prove none. */
export async function authenticate(credentials: Credentials, by: Authenticator): Promise<SpiffeId | Refusal> {
  const [leaf, ...links] = credentials.certificates ?? [];
  const certified = leaf && identityOf(leaf, links, by);
  if (certified !== undefined && isRefusal(certified)) return certified;
  const tokened = credentials.authorization === undefined ? undefined : await byToken(credentials.authorization, by);
  if (tokened !== undefined && isRefusal(tokened)) return tokened;
  if (certified !== undefined && tokened !== undefined && formatSpiffeId(certified) !== formatSpiffeId(tokened)) {
    return refuse('unauthenticated', 'the client certificate and the token name different identities');
  }
  return certified ?? tokened ?? refuse('unauthenticated', 'a client certificate or a bearer token is needed');
}

/** What a gRPC call brings: the connection's client certificate and the `authorization` header. */
export function credentialsOf({ peer, metadata }: Pick<GrpcCall, 'peer' | 'metadata'>): Credentials {
  const { authorization } = metadata;
  return { certificates: peer.certificates, ...(authorization !== undefined && { authorization }) };
}

/** The SPIFFE id of a certificate that leads to our roots now. */
export function identityOf(leaf: X509Certificate, links: readonly X509Certificate[], by: Authenticator): SpiffeId | Refusal {
  const path = verifyChain(leaf, [...links, ...(by.intermediates ?? [])], by.bundle, (by.now ?? Date.now)());
  if (isRefusal(path)) return path;
  if (leaf.ca) return refuse('unauthenticated', "an authority's certificate is not an identity");
  const uris = uriNames(leaf);
  const [uri] = uris;
  // The SPIFFE standard: exactly one URI, else nobody knows which of them a policy would see.
  if (uri === undefined || uris.length > 1) return refuse('unauthenticated', 'the certificate has not exactly one URI name');
  const id = parseSpiffeId(uri);
  if (isRefusal(id)) return refuse('unauthenticated', id.message);
  if (id.trustDomain !== by.trustDomain) {
    return refuse('unauthenticated', `the certificate is of trust domain ${id.trustDomain}, not ${by.trustDomain}`);
  }
  return id;
}

/** What a peer may say about itself in a node id or in metadata. */
export type Claim = Partial<Pick<SpiffeId, 'namespace' | 'serviceAccount'>>;

/** Refuses a peer that says it is somebody else than it proved to be. */
export function checkClaim(identity: SpiffeId, claim: Claim): Refusal | undefined {
  const { namespace = identity.namespace, serviceAccount = identity.serviceAccount } = claim;
  if (namespace === identity.namespace && serviceAccount === identity.serviceAccount) return undefined;
  return refuse(
    'forbidden',
    `the peer is ${formatSpiffeId(identity)} and cannot speak as ${shown(serviceAccount)} in namespace ${shown(namespace)}`,
  );
}

/** A claim is the peer's own text: quoted, without control characters, and cut before it fills a log line. */
const shown = (text: string): string => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);

async function byToken(authorization: string, { tokens }: Authenticator): Promise<SpiffeId | Refusal> {
  const space = authorization.indexOf(' ');
  if (space < 0 || authorization.slice(0, space).toLowerCase() !== 'bearer') {
    return refuse('unauthenticated', 'the authorization header is not a bearer token');
  }
  if (tokens === undefined) return refuse('unauthenticated', 'this server takes no tokens');
  return tokens.verify(authorization.slice(space + 1).trim());
}

/** One name as Node prints it: runs of plain text, and JSON strings around values that could be mistaken for several names. */
const printedName = /(?:"(?:\\.|[^"\\])*"|[^",])+/g;

/** The URI names of a certificate. A value that Node had to quote is never a SPIFFE id: it stays quoted and fails to parse. */
const uriNames = ({ subjectAltName = '' }: X509Certificate): string[] =>
  (subjectAltName.match(printedName) ?? [])
    .map((name) => name.trimStart())
    .filter((name) => name.startsWith('URI:'))
    .map((name) => name.slice('URI:'.length));

// What is asked of a proxy: a connection as it arrives, and the HTTP request on it. First stop of explain.

import type { Doubt } from './doubt.ts';

/**
 * Where a connection enters a proxy: by redirection of what an application calls, of what calls it, at a port of its own, or at a
 * listener that only the proxy itself calls.
 */
export type Entry = 'outbound' | 'inbound' | { readonly port: number } | { readonly listener: string };

interface Connection {
  readonly entry: Entry;
  /** The address and port that the caller dialled, before any redirection. */
  readonly destination: Address;
  readonly source: Source;
  /** TLS that the caller speaks itself; undefined: none. */
  readonly tls?: ClientTls | undefined;
}

/** `address` is an IP, or a Unix socket's path with port 0. */
export interface Address {
  readonly address: string;
  readonly port: number;
}

export interface Source {
  readonly address: string;
  readonly port?: number | undefined;
  /** The URI in the certificate that the caller shows (`spiffe://…`); undefined: it shows none. */
  readonly identity?: string | undefined;
}

export interface ClientTls {
  readonly sni?: string | undefined;
  /** What the caller offers, first choice first. */
  readonly alpn?: readonly string[] | undefined;
}

export type HttpVersion = 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2';

export interface HttpRequest extends Connection {
  readonly kind: 'http';
  readonly version: HttpVersion;
  readonly method: string;
  /** With a port where the caller writes one. */
  readonly authority: string;
  /** With its query, without a fragment. */
  readonly path: string;
  /** Names in any case, in the caller's order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The claims of a token that its issuer signed, as JSON; `iss` says whose it is. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
  /** Where headers, query and token are not all known: says what to take of conditions on those that are not. */
  readonly doubt?: Doubt | undefined;
}

/** A connection whose bytes are not HTTP. */
export interface TcpRequest extends Connection {
  readonly kind: 'tcp';
}

export type Request = HttpRequest | TcpRequest;

export const doubtOf = (request: Request): Doubt | undefined => (request.kind === 'http' ? request.doubt : undefined);

export const addressText = ({ address, port }: Address): string =>
  address.startsWith('/') || address.startsWith('@') ? address : `${address.includes(':') ? `[${address}]` : address}:${port}`;

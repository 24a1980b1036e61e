// What authorization rules can ask about: a connection, and the request on it where there is one.

import type { JsonObject } from '@bufbuild/protobuf';
import type { Headers } from './headers.ts';
import type { Passage } from './passage.ts';
import type { Doubt } from './doubt.ts';
import { doubtOf, type Address } from './request.ts';

export interface Asked {
  readonly local: Address;
  /** The other end of the connection itself. */
  readonly peer: string;
  /** The caller, as far as proxies before this one say. */
  readonly remote: string;
  readonly sni: string;
  readonly tls: boolean;
  /** The URI of the certificate that the caller showed. */
  readonly identity: string | undefined;
  readonly metadata: ReadonlyMap<string, JsonObject>;
  readonly state: ReadonlyMap<string, string>;
  readonly headers: Headers | undefined;
  /** Whether `remote`, and the claims in `metadata`, are all that can be. */
  readonly unsure?: { readonly remote: Doubt | undefined; readonly claims: Doubt | undefined };
}

export const askedOf = (passage: Passage, headers: Headers | undefined): Asked => ({
  local: passage.local,
  peer: passage.request.source.address,
  remote: passage.remote.address,
  sni: passage.sni,
  tls: passage.ended !== undefined,
  identity: passage.ended?.identity,
  metadata: passage.metadata,
  state: passage.state,
  headers,
  unsure: {
    remote: passage.remoteUnsure ? doubtOf(passage.request) : undefined,
    claims: passage.claimsUnsure ? doubtOf(passage.request) : undefined,
  },
});

// Discovery requests off the wire, delta and SotW, in one shape. First stop of everything a proxy says.

import { WireError, WireReader } from './wire.ts';

/** What both kinds of request say, less what this server does not use. */
export interface DiscoveryRequest {
  readonly typeUrl: string;
  /** The response that this answers; empty when it answers none. */
  readonly nonce: string;
  /** Why the answered response was refused; undefined is an ACK. */
  readonly error: string | undefined;
  /** An encoded `envoy.config.core.v3.Node`; only the first request of a stream needs it. */
  readonly node: Buffer | undefined;
  /** Delta: names to add. SotW: all names wanted. */
  readonly subscribe: readonly string[];
  /** Delta only: names to drop. */
  readonly unsubscribe: readonly string[];
  /** Delta: what the proxy kept from an earlier stream, versions by name; undefined if nothing. */
  readonly initial: ReadonlyMap<string, string> | undefined;
  /** SotW: the version it accepted last. */
  readonly version: string;
}

const none: readonly string[] = [];

/** Field numbers of the two request messages. */
const deltaFields = { node: 1, typeUrl: 2, subscribe: 3, unsubscribe: 4, initial: 5, nonce: 6, error: 7, version: -1 };
const sotwFields = { node: 2, typeUrl: 4, subscribe: 3, unsubscribe: -1, initial: -1, nonce: 5, error: 6, version: 1 };

/** Undefined when the bytes are no such message. */
export const decodeDeltaRequest = (bytes: Uint8Array): DiscoveryRequest | undefined => decode(bytes, deltaFields);
export const decodeSotwRequest = (bytes: Uint8Array): DiscoveryRequest | undefined => decode(bytes, sotwFields);

function decode(bytes: Uint8Array, fields: typeof deltaFields): DiscoveryRequest | undefined {
  let typeUrl = '';
  let nonce = '';
  let version = '';
  let error: string | undefined;
  let node: Buffer | undefined;
  let subscribe: string[] | undefined;
  let unsubscribe: string[] | undefined;
  let initial: Map<string, string> | undefined;
  try {
    const reader = new WireReader(bytes);
    while (!reader.done) {
      const tag = reader.varint();
      const field = (tag & 7) === 2 ? tag >>> 3 : 0;
      if (field === fields.typeUrl) typeUrl = reader.text();
      else if (field === fields.nonce) nonce = reader.text();
      else if (field === fields.version) version = reader.text();
      else if (field === fields.subscribe) (subscribe ??= []).push(reader.text());
      else if (field === fields.unsubscribe) (unsubscribe ??= []).push(reader.text());
      else if (field === fields.error) error = errorText(reader.bytes());
      else if (field === fields.node) node = reader.bytes();
      else if (field === fields.initial) readEntry(reader.bytes(), (initial ??= new Map()));
      else reader.skip(tag);
    }
  } catch (problem) {
    if (problem instanceof WireError) return undefined;
    throw problem;
  }
  return { typeUrl, nonce, error, node, subscribe: subscribe ?? none, unsubscribe: unsubscribe ?? none, initial, version };
}

function readEntry(bytes: Buffer, into: Map<string, string>): void {
  const reader = new WireReader(bytes);
  let key = '';
  let value = '';
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 0x0a) key = reader.text();
    else if (tag === 0x12) value = reader.text();
    else reader.skip(tag);
  }
  into.set(key, value);
}

/** The message of a google.rpc.Status; never empty, so that a refusal without words is still one. */
function errorText(bytes: Buffer): string {
  const reader = new WireReader(bytes);
  let code = 0;
  let message = '';
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 0x08) code = reader.varint();
    else if (tag === 0x12) message = reader.text();
    else reader.skip(tag);
  }
  return message.slice(0, longestError) || `refused with code ${code} and no text`;
}

/** A refusal names each bad resource; a page of text is plenty, and it is kept as long as the stream lives. */
const longestError = 8192;

// The one thing xds/ must know of a listener's content: at which addresses it listens, of which Envoy lets no two listeners have one.

import type { Resource } from '../compile/resource.ts';
import { WireError, WireReader } from './wire.ts';

/** One address of a listener. */
export interface Place {
  /** The same text for equal addresses. */
  readonly address: string;
  /** Undefined of what has none: pipes and internal listeners. */
  readonly port: number | undefined;
}

const known = new WeakMap<Resource, readonly Place[]>();

/** Where a listener listens; nowhere, as far as can be read, where its bytes are no listener. */
export function placesOf(listener: Resource): readonly Place[] {
  let places = known.get(listener);
  if (places === undefined) {
    try {
      places = readPlaces(listener.bytes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      places = [];
    }
    known.set(listener, places);
  }
  return places;
}

/** Of an encoded Listener. */
export function readPlaces(bytes: Uint8Array): readonly Place[] {
  const places: Place[] = [];
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const tag = reader.varint();
    // Listener.address = 2; Listener.additional_addresses = 33, whose address is 1.
    if (tag === 0x12) places.push(placeAt(reader.bytes()));
    else if (tag === 0x10a) places.push(...fieldsOf(reader.bytes(), 0x0a).map(placeAt));
    else reader.skip(tag);
  }
  return places;
}

/** Address.socket_address = 1, whose port_value is 3. */
function placeAt(address: Buffer): Place {
  let port: number | undefined;
  for (const socket of fieldsOf(address, 0x0a)) {
    const reader = new WireReader(socket);
    while (!reader.done) {
      const tag = reader.varint();
      if (tag === 0x18) port = reader.varint();
      else reader.skip(tag);
    }
  }
  return { address: address.toString('latin1'), port };
}

function fieldsOf(bytes: Buffer, wanted: number): Buffer[] {
  const found: Buffer[] = [];
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === wanted) found.push(reader.bytes());
    else reader.skip(tag);
  }
  return found;
}

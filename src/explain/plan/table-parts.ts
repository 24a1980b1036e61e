// An encoded route table in its virtual hosts, undecoded: of thousands the few are opened that are others than before.

import { fromBinary } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { VirtualHostSchema, type VirtualHost } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { RouteConfigurationSchema, type RouteConfiguration } from '../../../gen/envoy/config/route/v3/route_pb.js';
import type { Resource } from '../../compile/resource.ts';

export interface TableParts {
  /** Each by its bytes as text. */
  readonly hosts: ReadonlyMap<string, Uint8Array>;
  /** All but the virtual hosts. */
  readonly rest: Uint8Array;
}

const virtualHosts = RouteConfigurationSchema.field.virtualHosts.number;
const latin1 = new TextDecoder('latin1');

export const bytesText = (bytes: Uint8Array): string => latin1.decode(bytes);

/** A repeated message is one field for each item (protobuf's encoding), so the table is cut where these begin and end. */
export function tableParts({ bytes }: Resource): TableParts {
  const hosts = new Map<string, Uint8Array>();
  const rest: Uint8Array[] = [];
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [field, wireType] = reader.tag();
    if (field === virtualHosts) {
      const host = reader.bytes();
      hosts.set(bytesText(host), host);
      continue;
    }
    reader.skip(wireType, field);
    rest.push(bytes.subarray(start, reader.pos));
  }
  return { hosts, rest: joined(rest) };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The hosts of one table that stand in the other with other bytes, or not at all, by name. */
export function otherHosts(of: TableParts | undefined, than: TableParts | undefined): Map<string, VirtualHost> {
  const others = [...(of?.hosts ?? [])].filter(([text]) => than?.hosts.has(text) !== true);
  return new Map(others.map(([, bytes]) => fromBinary(VirtualHostSchema, bytes)).map((host) => [host.name, host]));
}

export const tableRest = ({ rest }: TableParts): RouteConfiguration => fromBinary(RouteConfigurationSchema, rest);

// The one thing xds/ must know of a cluster's content: under which name it asks for its endpoints.

import type { Resource } from '../compile/resource.ts';
import { WireError, WireReader } from './wire.ts';

const known = new WeakMap<Resource, string | false>();

/** The name under which an EDS cluster's endpoints are asked for; undefined for clusters of other types. */
export function endpointsNameOf(cluster: Resource): string | undefined {
  let name = known.get(cluster);
  if (name === undefined) {
    try {
      name = readEndpointsName(cluster.bytes) ?? false;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      name = false;
    }
    known.set(cluster, name);
  }
  return name === false ? undefined : name || cluster.name;
}

/** Of an encoded Cluster: empty when it is an EDS cluster without a `service_name`, undefined when it is none. */
export function readEndpointsName(bytes: Uint8Array): string | undefined {
  const reader = new WireReader(bytes);
  let eds = false;
  let service = '';
  while (!reader.done) {
    const tag = reader.varint();
    // Cluster.type = 2 (EDS is 3); Cluster.eds_cluster_config = 3, whose service_name is 2.
    if (tag === 0x10) eds = reader.varint() === 3;
    else if (tag === 0x1a) service = readServiceName(reader.bytes()) || service;
    else reader.skip(tag);
  }
  return eds ? service : undefined;
}

function readServiceName(bytes: Buffer): string {
  const reader = new WireReader(bytes);
  let name = '';
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 0x12) name = reader.text();
    else reader.skip(tag);
  }
  return name;
}

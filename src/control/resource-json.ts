// Encoded resources as protobuf-JSON: what `compile` prints, and the form in which `proxy` shows what Envoy holds.

import { fromBinary, toJson, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import { ClusterSchema } from '../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '../../gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '../../gen/envoy/config/route/v3/route_pb.js';
import { SecretSchema } from '../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type { Resource } from '../compile/resource.ts';
import { registryFor, typesNamed } from './message-registry.ts';
import { parts, type Part } from './configuration-parts.ts';

export const schemas: Readonly<Record<Part, DescMessage>> = {
  listeners: ListenerSchema,
  routes: RouteConfigurationSchema,
  clusters: ClusterSchema,
  endpoints: ClusterLoadAssignmentSchema,
  secrets: SecretSchema,
};

export type ConfigurationJson = Readonly<Record<Part, readonly JsonValue[]>>;

/** Each part sorted by the resources' names. */
export async function resourcesJson(resources: Readonly<Record<Part, readonly Resource[]>>): Promise<ConfigurationJson> {
  const registry = await registryFor(typesNamed(parts.flatMap((part) => resources[part].map(({ bytes }) => bytes))));
  const json = (part: Part): JsonValue[] =>
    resources[part]
      .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
      .map(({ bytes }) => toJson(schemas[part], fromBinary(schemas[part], bytes), { registry }));
  return {
    listeners: json('listeners'),
    routes: json('routes'),
    clusters: json('clusters'),
    endpoints: json('endpoints'),
    secrets: json('secrets'),
  };
}

// An Envoy's own `/config_dump` turned into the parts that `compile` prints, so that one set of tables shows both.

import { dumpPlaces } from '../../explain/dump-places.ts';
import { fromJson, toJson, type JsonObject, type JsonValue, type Registry } from '@bufbuild/protobuf';
import { registryFor, typesNamed } from '../../control/message-registry.ts';
import { parts, type Part } from '../../control/configuration-parts.ts';
import { schemas, type ConfigurationJson } from '../../control/resource-json.ts';
import { at, list } from './json.ts';

/** Where each part's resources stand in the dump: the lists, and the way to the resource inside an entry. */
const places: Readonly<Record<Part, readonly (readonly [entries: string, ...within: string[]])[]>> = {
  ...dumpPlaces,
  secrets: [
    ['dynamic_active_secrets', 'secret'],
    ['static_secrets', 'secret'],
  ],
};

export async function readConfigDump(dump: string): Promise<ConfigurationJson> {
  const registry = await registryFor(typesNamed([dump]));
  const configs = list(JSON.parse(dump) as JsonValue, 'configs');
  const read = (part: Part): JsonValue[] =>
    places[part].flatMap(([entries, ...within]) =>
      configs
        .flatMap((config) => list(config, entries))
        .map((entry) => at(entry, ...within))
        .filter((resource) => resource !== undefined && resource !== null)
        .map((resource) => normal(part, resource, registry)),
    );
  const [listeners, routes, clusters, endpoints, secrets] = parts.map(read);
  return {
    listeners: listeners ?? [],
    routes: routes ?? [],
    clusters: clusters ?? [],
    endpoints: endpoints ?? [],
    secrets: secrets ?? [],
  };
}

/** Envoy writes proto names (`lb_endpoints`); the printed form is protobuf-JSON's (`lbEndpoints`). */
function normal(part: Part, resource: JsonValue, registry: Registry): JsonValue {
  const { '@type': _type, ...message } = resource as JsonObject;
  try {
    return toJson(schemas[part], fromJson(schemas[part], message, { registry, ignoreUnknownFields: true }), { registry });
  } catch {
    // An extension that our protos do not have (somebody's own static listener) is shown as Envoy wrote it.
    return resource;
  }
}

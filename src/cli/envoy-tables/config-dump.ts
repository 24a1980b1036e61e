// An Envoy's own `/config_dump` as a proxy's configuration: as JSON in the form that `compile` prints, and as what tables show.

import { BootstrapSchema } from '../../../gen/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { fromJson, toJson, type DescMessage, type JsonObject, type JsonValue, type Registry } from '@bufbuild/protobuf';
import { registryFor, typesNamed } from '../../control/message-registry.ts';
import { parts, type Part } from '../../control/configuration-parts.ts';
import { schemas, type ConfigurationJson } from '../../control/resource-json.ts';
import { dumpPlaces } from '../../explain/dump-places.ts';
import { dumpedConfiguration } from '../../explain/dump.ts';
import { dumpParts, field, isObject } from '../../explain/dump-forms.ts';
import { readJson } from '../../explain/dump-json.ts';
import type { Locate } from '../../explain/origins.ts';
import { unreadableDump } from '../why/dump-file.ts';
import { at } from './json.ts';
import type { Shown } from './row.ts';

/** Where each part's resources stand in the dump: the lists, and the way to the resource inside an entry. */
const places: Readonly<Record<Part, readonly (readonly [entries: string, ...within: string[]])[]>> = {
  ...dumpPlaces,
  secrets: [
    ['dynamic_active_secrets', 'secret'],
    ['dynamic_warming_secrets', 'secret'],
    ['static_secrets', 'secret'],
  ],
};

export interface ReadDump {
  readonly json: ConfigurationJson;
  readonly bootstrap: JsonValue | undefined;
  readonly shown: (locate: Locate, now: Date) => Shown;
  /** What could not be read of it, and what Envoy itself has not taken or not brought into effect, in whole sentences. */
  readonly notes: readonly string[];
}

/** Of one Envoy, in one text or in parts; `sources`: what to call them. Throws `Failure` for what is no dump. */
export async function readConfigDump(dumps: readonly string[], sources: readonly string[]): Promise<ReadDump> {
  const configuration = dumpedConfiguration(...dumps);
  if (typeof configuration === 'string') throw unreadableDump(sources, configuration);
  const registry = await registryFor(typesNamed(dumps));
  const configs = dumps.flatMap((dump) => {
    const found = dumpParts(readJson(dump)?.value ?? null);
    return typeof found === 'string' ? [] : found;
  });
  const read = (part: Part): JsonValue[] =>
    places[part].flatMap(([section, ...within]) =>
      configs
        .flatMap((config) => {
          const entries = field(config, section);
          return Array.isArray(entries) ? entries : [];
        })
        .map((entry) =>
          within.reduce<JsonValue | undefined>((place, step) => (isObject(place) ? field(place, step) : undefined), entry),
        )
        .filter(isObject)
        .map((resource) => normal(schemas[part], resource, registry)),
    );
  const [listeners = [], routes = [], clusters = [], endpoints = [], secrets = []] = parts.map(read);
  const bootstrap = configs.map((config) => config['bootstrap']).find(isObject);
  return {
    json: { listeners, routes, clusters, endpoints, secrets },
    bootstrap: bootstrap && normal(BootstrapSchema, bootstrap, registry),
    shown: (locate, now) => ({ configuration, secrets, locate, now }),
    notes: configuration.missing,
  };
}

/** Envoy writes proto names (`lb_endpoints`); the printed form is protobuf-JSON's (`lbEndpoints`). */
function normal(schema: DescMessage, resource: JsonObject, registry: Registry): JsonValue {
  const { '@type': _type, ...message } = resource;
  try {
    const read = fromJson(schema, wrapped(message, registry), { registry, ignoreUnknownFields: true });
    return unwrapped(toJson(schema, read, { registry }));
  } catch {
    // What not even Envoy's own names make readable is shown as it was written.
    return resource;
  }
}

const structure = 'type.googleapis.com/google.protobuf.Struct';

/** An extension that our protos do not have (one of Istio's, somebody's own) goes through as plain JSON. */
function wrapped(value: JsonValue, registry: Registry): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => wrapped(each, registry));
  const type = value['@type'];
  if (typeof type === 'string' && registry.getMessage(type.slice(type.lastIndexOf('/') + 1)) === undefined)
    return { '@type': structure, value };
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, wrapped(each, registry)]));
}

function unwrapped(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(unwrapped);
  const inner = value['@type'] === structure ? value['value'] : undefined;
  if (at(inner, '@type') !== undefined && inner !== undefined) return inner;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, unwrapped(each)]));
}

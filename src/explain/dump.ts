// Any Envoy's `config_dump` (Istio's included) as a proxy's configuration. What cannot be read is left out, and said.

import { dumpPlaces } from './dump-places.ts';
import { fromJson, type DescMessage, type JsonObject, type JsonValue, type MessageShape } from '@bufbuild/protobuf';
import { ClusterSchema } from '../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '../../gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema, type RouteConfiguration } from '../../gen/envoy/config/route/v3/route_pb.js';
import type { ProxyConfiguration } from './configuration.ts';
import { readJson } from './dump-json.ts';
import { interpreted } from './typed-config.ts';

const sections = new Set(Object.values(dumpPlaces).flatMap((all) => all.map(([section]) => section)));

/** Deeper than any configuration is, and short of the stack's end. */
const deepest = 200;

/** One sentence for a text that is no dump at all. */
export function dumpedConfiguration(text: string): ProxyConfiguration | string {
  const read = readJson(text);
  if (read === undefined) return 'it is not JSON';
  const configs = isObject(read.value) && Array.isArray(read.value['configs']) ? read.value['configs'] : undefined;
  if (configs === undefined) return 'it has no "configs": a dump is what Envoy’s admin interface answers under /config_dump';
  const missing: string[] = read.cut ? ['The dump is cut short: what came after its end is not known.'] : [];
  const parts = configs.filter(isObject);
  if (!parts.some((part) => [...sections].some((section) => section in part))) return 'it has no listeners, clusters or routes';
  const resources = <Desc extends DescMessage>(part: keyof typeof dumpPlaces, schema: Desc): MessageShape<Desc>[] =>
    dumpPlaces[part].flatMap(([section, ...within]) =>
      parts
        .flatMap((each) => (Array.isArray(each[section]) ? each[section] : []))
        .map((entry) => within.reduce<JsonValue | undefined>((place, step) => (isObject(place) ? place[step] : undefined), entry))
        .flatMap((resource) => (isObject(resource) ? (message(schema, resource, missing) ?? []) : [])),
    );
  const listeners = resources('listeners', ListenerSchema);
  const routes = merged(resources('routes', RouteConfigurationSchema));
  const clusters = new Map(resources('clusters', ClusterSchema).map((each) => [each.name, each]));
  const endpoints = new Map(resources('endpoints', ClusterLoadAssignmentSchema).map((each) => [each.clusterName, each]));
  if (endpoints.size === 0) missing.push('The dump has no endpoints: take it with /config_dump?include_eds to see them.');
  return {
    listeners,
    route: (name) => routes.get(name),
    cluster: (name) => clusters.get(name),
    endpoints: (name) => endpoints.get(name),
    clusterNames: () => [...clusters.keys()],
    routeNames: () => [...routes.keys()],
    onlyCalled: true,
    missing,
  };
}

/** A table that is listed in several parts is one. */
function merged(tables: readonly RouteConfiguration[]): Map<string, RouteConfiguration> {
  const byName = new Map<string, RouteConfiguration>();
  for (const table of tables) {
    const known = byName.get(table.name);
    byName.set(
      table.name,
      known === undefined ? table : { ...known, virtualHosts: [...known.virtualHosts, ...table.virtualHosts] },
    );
  }
  return byName;
}

function message<Desc extends DescMessage>(
  schema: Desc,
  resource: JsonObject,
  missing: string[],
): MessageShape<Desc> | undefined {
  const { '@type': _type, ...fields } = resource;
  const json = known(fields, 0);
  const options = { registry: interpreted, ignoreUnknownFields: true };
  try {
    return fromJson(schema, json, options);
  } catch (error) {
    const { name, cluster_name: cluster } = resource;
    const called = typeof name === 'string' ? name : typeof cluster === 'string' ? cluster : 'without a name';
    const why = error instanceof Error ? error.message : String(error);
    missing.push(`${schema.name} ${called} cannot be read and is left out: ${why}`);
    return undefined;
  }
}

const structure = 'type.googleapis.com/udpa.type.v1.TypedStruct';

/** Typed configuration of a type that is not read here goes on as what Envoy itself has for such: a name and a structure. */
function known(value: JsonValue, depth: number): JsonValue {
  if (typeof value !== 'object' || value === null || depth > deepest) return value;
  if (Array.isArray(value)) return value.map((each) => known(each, depth + 1));
  const type = value['@type'];
  if (typeof type === 'string' && interpreted.getMessage(type.slice(type.lastIndexOf('/') + 1)) === undefined) {
    const { '@type': _type, ...rest } = value;
    // It may be such a structure already, under its newer name.
    if (type.endsWith('/xds.type.v3.TypedStruct')) return { ...rest, '@type': structure };
    return { '@type': structure, typeUrl: type, value: rest };
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, known(each, depth + 1)]));
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

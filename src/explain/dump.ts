// Any Envoy's `config_dump` (Istio's included) as a proxy's configuration. What cannot be read is left out, and said.

import { dumpPlaces } from './dump-places.ts';
import { fromJson, type DescMessage, type JsonObject, type JsonValue, type MessageShape } from '@bufbuild/protobuf';
import { ClusterSchema } from '../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { TypedExtensionConfigSchema } from '../../gen/envoy/config/core/v3/extension_pb.js';
import { ClusterLoadAssignmentSchema } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '../../gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema, type RouteConfiguration } from '../../gen/envoy/config/route/v3/route_pb.js';
import type { ProxyConfiguration } from './configuration.ts';
import { dumpParts, field, isObject } from './dump-forms.ts';
import { readJson } from './dump-json.ts';
import { notInForce, proxyIn } from './dump-proxy.ts';
import { unknownFields } from './dump-unknown.ts';
import { inVersion3, isOld } from './dump-v2.ts';
import { interpreted } from './typed-config.ts';

const sections = Object.values(dumpPlaces).flatMap((all) => all.map(([section]) => section));

/** Deeper than any configuration is, and short of the stack's end. */
const deepest = 200;

/** One sentence for a text that is no dump at all. Several texts are parts of one dump. */
export function dumpedConfiguration(...texts: readonly string[]): ProxyConfiguration | string {
  const missing: string[] = [];
  const parts: JsonObject[] = [];
  let cut = false;
  for (const text of texts) {
    const read = readJson(text);
    if (read === undefined) return 'it is neither JSON nor YAML';
    cut ||= read.cut;
    if (read.cut) missing.push('The dump is cut short: what came after its end is not known.');
    const found = dumpParts(read.value);
    if (typeof found === 'string') return found;
    parts.push(...found);
  }
  if (!parts.some((part) => sections.some((section) => field(part, section) !== undefined)))
    return 'it has no listeners, clusters or routes';
  const reader: Reader = { missing, strange: new Set(), old: false };
  const entries = (section: string): JsonObject[] =>
    parts.flatMap((part) => {
      const list = field(part, section);
      return Array.isArray(list) ? list.filter(isObject) : [];
    });
  const resources = <Desc extends DescMessage>(part: keyof typeof dumpPlaces, schema: Desc): MessageShape<Desc>[] =>
    dumpPlaces[part].flatMap(([section, ...within]) =>
      entries(section)
        .map((entry) =>
          within.reduce<JsonValue | undefined>((place, step) => (isObject(place) ? field(place, step) : undefined), entry),
        )
        .flatMap((resource) => (isObject(resource) ? (message(schema, resource, reader) ?? []) : [])),
    );
  const listeners = resources('listeners', ListenerSchema);
  const routes = merged(resources('routes', RouteConfigurationSchema));
  const clusters = new Map(resources('clusters', ClusterSchema).map((each) => [each.name, each]));
  const endpoints = new Map(resources('endpoints', ClusterLoadAssignmentSchema).map((each) => [each.clusterName, each]));
  if (endpoints.size === 0) missing.push('The dump has no endpoints: take it with /config_dump?include_eds to see them.');
  const extensions = new Map(
    entries('ecds_filters').flatMap((entry) => {
      const filter = field(entry, 'ecds_filter');
      const read = isObject(filter) ? message(TypedExtensionConfigSchema, filter, reader) : undefined;
      return read === undefined ? [] : [[read.name, read.typedConfig] as const];
    }),
  );
  missing.push(...notInForce(entries), ...strangeness(reader));
  return {
    ...proxyIn(parts),
    listeners,
    route: (name) => routes.get(name),
    cluster: (name) => clusters.get(name),
    endpoints: (name) => endpoints.get(name),
    clusterNames: () => [...clusters.keys()],
    routeNames: () => [...routes.keys()],
    extension: (name) => extensions.get(name),
    onlyCalled: true,
    partial: cut || clusters.size === 0,
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

interface Reader {
  readonly missing: string[];
  /** Fields that are not known. */
  readonly strange: Set<string>;
  /** Something was said in version 2 of the API. */
  old: boolean;
}

function message<Desc extends DescMessage>(schema: Desc, resource: JsonObject, reader: Reader): MessageShape<Desc> | undefined {
  const type = resource['@type'];
  const isV2 = typeof type === 'string' && isOld(type);
  reader.old ||= isV2;
  const newer = isV2 ? inVersion3(resource) : resource;
  const { '@type': _type, ...fields } = newer as JsonObject;
  const json = known(fields, 0);
  const options = { registry: interpreted, ignoreUnknownFields: true };
  try {
    unknownFields(schema, json, reader.strange);
    return fromJson(schema, json, options);
  } catch (error) {
    const { name, cluster_name: cluster } = resource;
    const called = typeof name === 'string' ? name : typeof cluster === 'string' ? cluster : 'without a name';
    const why = error instanceof Error ? error.message : String(error);
    reader.missing.push(`${schema.name} ${called} cannot be read and is left out: ${why}`);
    return undefined;
  }
}

/** At most this many are named. */
const named = 6;

function strangeness({ strange, old }: Reader): string[] {
  const names = [...strange];
  return [
    ...(old
      ? ['The dump is of an Envoy of before 1.18, in version 2 of the API: what only that version has may be left out.']
      : []),
    ...(names.length === 0
      ? []
      : [
          `Fields that are not known here are left out: ${names.slice(0, named).join(', ')}${names.length > named ? ` and ${names.length - named} more` : ''}.`,
        ]),
  ];
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

// The forms in which an Envoy's configuration is handed around, brought into one: parts with the sections of a config_dump. What
// `istioctl proxy-config … -o json` prints, a dump of one resource, /clusters in JSON, a bootstrap, and what `lateen compile` prints.

import type { JsonObject, JsonValue } from '@bufbuild/protobuf';

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const objects = (value: JsonValue | undefined): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);

const camel = (name: string): string => name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** A field under either of the names that protobuf's JSON has for it. */
export const field = (object: JsonObject, name: string): JsonValue | undefined => object[name] ?? object[camel(name)];

/** The parts of what is given; a sentence for what is no configuration at all. */
export function dumpParts(value: JsonValue): readonly JsonObject[] | string {
  const parts = formsOf(value);
  if (parts === undefined)
    return 'it has no "configs": a dump is what Envoy’s admin interface answers under /config_dump, or istioctl proxy-config with -o json';
  return parts;
}

function formsOf(value: JsonValue): JsonObject[] | undefined {
  if (Array.isArray(value)) {
    // Lists one after the other are one list.
    const parts = objects(value.flat(1)).flatMap(resourcePart);
    return parts.length > 0 ? parts : undefined;
  }
  if (!isObject(value)) return undefined;
  const configs = field(value, 'configs');
  if (Array.isArray(configs)) return objects(configs).flatMap((each) => entryPart(each) ?? [each]);
  const bootstrap = field(value, 'bootstrap');
  const resources = field(isObject(bootstrap) ? bootstrap : value, 'static_resources');
  if (isObject(resources)) return [listsPart(resources), ...(isObject(bootstrap) ? [{ bootstrap }] : [])];
  const statuses = field(value, 'cluster_statuses');
  if (Array.isArray(statuses)) return objects(statuses).flatMap(resourcePart);
  if (Object.keys(value).some((key) => /^(?:dynamic|static)_?\w+/i.test(key))) return [value];
  if (['listeners', 'clusters', 'routes', 'endpoints'].some((key) => Array.isArray(value[key]))) return [listsPart(value)];
  const one = resourcePart(value);
  return one.length > 0 ? one : undefined;
}

/** `/config_dump?resource=…` answers with the entries of a section in the place of sections. */
function entryPart(config: JsonObject): JsonObject[] | undefined {
  if (field(config, 'active_state') !== undefined) return [{ dynamic_listeners: [config] }];
  const sections = {
    listener: 'static_listeners',
    route_config: 'dynamic_route_configs',
    cluster: 'dynamic_active_clusters',
    endpoint_config: 'dynamic_endpoint_configs',
  };
  const found = Object.entries(sections).find(([key]) => isObject(field(config, key)));
  return found && [{ [found[1]]: [config] }];
}

const listsPart = (lists: JsonObject): JsonObject => ({
  static_listeners: objects(lists['listeners']).map((listener) => ({ listener })),
  static_clusters: objects(lists['clusters']).map((cluster) => ({ cluster })),
  static_route_configs: objects(lists['routes']).map((route_config) => ({ route_config })),
  static_endpoint_configs: objects(lists['endpoints']).map((endpoint_config) => ({ endpoint_config })),
});

/** A resource by itself, told by the fields that only its kind has. */
function resourcePart(resource: JsonObject): JsonObject[] {
  const has = (...names: readonly string[]): boolean => names.some((name) => field(resource, name) !== undefined);
  if (has('virtual_hosts', 'vhds')) return [{ static_route_configs: [{ route_config: resource }] }];
  if (has('filter_chains', 'default_filter_chain', 'listener_filters')) return [{ static_listeners: [{ listener: resource }] }];
  if (has('host_statuses')) return [{ static_endpoint_configs: [{ endpoint_config: assignmentOf(resource) }] }];
  if (has('cluster_name')) return [{ static_endpoint_configs: [{ endpoint_config: resource }] }];
  if (has('added_via_api', 'circuit_breakers') && !has('connect_timeout', 'type', 'lb_policy', 'load_assignment')) return [];
  if (has('connect_timeout', 'type', 'cluster_type', 'lb_policy', 'load_assignment', 'eds_cluster_config'))
    return [{ static_clusters: [{ cluster: resource }] }];
  return [];
}

/** What /clusters says of a cluster's hosts, as the endpoints that the cluster got. */
function assignmentOf(status: JsonObject): JsonObject {
  const endpoints = objects(field(status, 'host_statuses')).map((host) => {
    const health = field(host, 'health_status');
    const failed = isObject(health) && Object.entries(health).some(([key, value]) => /^failed/i.test(key) && value === true);
    const said = isObject(health) ? field(health, 'eds_health_status') : undefined;
    const { address = null, locality, weight } = host;
    return {
      ...(locality !== undefined && { locality }),
      priority: typeof host['priority'] === 'number' ? host['priority'] : 0,
      lb_endpoints: [
        {
          endpoint: { address },
          health_status: failed ? 'UNHEALTHY' : (said ?? 'HEALTHY'),
          ...(typeof weight === 'number' && { load_balancing_weight: weight }),
        },
      ],
    };
  });
  return { cluster_name: field(status, 'name') ?? '', endpoints };
}

// Where an Envoy's config_dump has its resources: for who explains it, and for who shows it.

/** The entries of a section, and the way to the resource inside one. */
type Place = readonly [section: string, ...within: string[]];

/** Where each kind of resource stands in a dump: the list, and the way to the resource inside an entry. */
export const dumpPlaces = {
  listeners: [
    ['dynamic_listeners', 'active_state', 'listener'],
    ['static_listeners', 'listener'],
    // Before Envoy 1.13.
    ['dynamic_active_listeners', 'listener'],
  ],
  routes: [
    ['dynamic_route_configs', 'route_config'],
    ['static_route_configs', 'route_config'],
  ],
  clusters: [
    ['dynamic_active_clusters', 'cluster'],
    ['static_clusters', 'cluster'],
  ],
  endpoints: [
    ['dynamic_endpoint_configs', 'endpoint_config'],
    ['static_endpoint_configs', 'endpoint_config'],
  ],
} as const satisfies Readonly<Record<string, readonly Place[]>>;

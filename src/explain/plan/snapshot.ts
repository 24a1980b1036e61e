// What every proxy of a mesh is given at one moment, all of it: what `plan` compares before and after a change.

import type { Compiler, Configuration, ProxyNode } from '../../compile/configuration.ts';
import type { Diagnostic } from '../../api/diagnostic.ts';
import type { Resource } from '../../compile/resource.ts';

export interface NamedProxy {
  /** `reviews-v1.default`; pods of one workload have one name. */
  readonly name: string;
  readonly node: ProxyNode;
}

type Resources = ReadonlyMap<string, Resource>;

export interface ProxyState {
  readonly listeners: Resources;
  readonly routes: Resources;
  readonly clusters: Resources;
  readonly endpoints: Resources;
  readonly secrets: Resources;
}

export interface Snapshot {
  /** By their nodes' ids; those that are given the same share one state. */
  readonly proxies: ReadonlyMap<string, { readonly name: string; readonly state: ProxyState }>;
  readonly diagnostics: readonly Diagnostic[];
}

export function snapshotOf(compiler: Compiler, proxies: readonly NamedProxy[]): Snapshot {
  const states = new Map<Configuration, ProxyState>();
  const endpoints = new Map<object, Map<readonly string[], Resources>>();
  const byId = new Map<string, { name: string; state: ProxyState }>();
  for (const { name, node } of proxies) {
    const configuration = compiler.configurationFor(node).value;
    let state = states.get(configuration);
    if (state === undefined) states.set(configuration, (state = stateOf(configuration, endpoints)));
    byId.set(node.id, { name, state });
  }
  const told = new Map<string, Diagnostic>();
  for (const { diagnostics } of states.keys()) for (const each of diagnostics.value) told.set(JSON.stringify(each), each);
  return { proxies: byId, diagnostics: [...told.values()] };
}

function stateOf(configuration: Configuration, known: Map<object, Map<readonly string[], Resources>>): ProxyState {
  const { listeners, clusters, routeNames, endpointNames, secretNames, endpointScope = configuration } = configuration;
  const named = (names: readonly string[], of: (name: string) => Resource | undefined): Resources =>
    new Map(
      names.flatMap((name) => {
        const resource = of(name);
        return resource === undefined ? [] : [[name, resource] as const];
      }),
    );
  // Those who look from one place have the same endpoints under the same names.
  let ofScope = known.get(endpointScope);
  if (ofScope === undefined) known.set(endpointScope, (ofScope = new Map()));
  let endpoints = ofScope.get(endpointNames.value);
  if (endpoints === undefined) {
    endpoints = named(endpointNames.value, (name) => configuration.endpoints(name).value);
    ofScope.set(endpointNames.value, endpoints);
  }
  return {
    listeners: listeners.value,
    clusters: clusters.value,
    routes: named(routeNames.value, (name) => configuration.route(name).value),
    secrets: named(secretNames.value, (name) => configuration.secret(name).value),
    endpoints,
  };
}

/** Every resource of which one of two snapshots has no equal in the other, each once. */
export function otherResources(before: Snapshot, after: Snapshot): Set<Resource> {
  const found = new Set<Resource>();
  const seen = new Set<ProxyState>();
  for (const [id, { state: is }] of after.proxies) {
    const was = before.proxies.get(id)?.state;
    if (was === undefined || seen.has(is)) continue;
    seen.add(is);
    for (const part of parts) {
      if (was[part] === is[part]) continue;
      for (const [name, resource] of is[part]) if (was[part].get(name)?.version !== resource.version) found.add(resource);
      for (const [name, resource] of was[part]) if (is[part].get(name)?.version !== resource.version) found.add(resource);
    }
  }
  return found;
}

/** In the order in which a request meets them. */
export const parts = ['listeners', 'routes', 'clusters', 'endpoints', 'secrets'] as const;

// How far objects have come on their way to the proxies that need them: what `wait`, `get -o wide` and `status` say of it.

import { kindId } from '../../api/kind.ts';
import { refKey, type ObjectRef } from '../../api/object.ts';
import { objectKey, type Store } from '../../store/store.ts';
import type { Compiler, Configuration, ProxyNode } from '../../compile/configuration.ts';
import type { Resource } from '../../compile/resource.ts';
import type { Departed, DistributionTable, ProxyDistribution } from '../../xds/distribution.ts';
import type { ObjectState } from '../../xds/object-state.ts';
import type { ObjectDistribution, ProxyBehind } from './contract.ts';
import { printedName } from './names.ts';

export interface DistributionParts {
  readonly store: Store;
  readonly distribution: DistributionTable;
  readonly compiler: Compiler;
  /** What an object waits for before its present form is in effect. */
  readonly waits: (ref: ObjectRef) => readonly string[];
}

/** Whether proxies are sent anything of such an object. */
export const isDelivered = ({ group, kind }: Pick<ObjectRef, 'group' | 'kind'>): boolean =>
  /(?:^|\.)istio\.io$/.test(group) ||
  group === 'gateway.networking.k8s.io' ||
  ['Service', 'Secret', 'Ingress.networking.k8s.io'].includes(kindId(group, kind));

/** Kinds that leave no cause on what they change: they concern the proxies of their namespace, in the root one all. */
const untraced: ReadonlySet<string> = new Set([
  'Sidecar',
  'EnvoyFilter',
  'Telemetry',
  'ProxyConfig',
  'WasmPlugin',
  'TrafficExtension',
]);

/** Kinds that clusters come of: proxies on demand have what they say of services that were called. */
const ofClusters: ReadonlySet<string> = new Set(['Service', 'ServiceEntry', 'DestinationRule']);

/** In the order of `refs`. */
export function distributionOf(refs: readonly ObjectRef[], parts: DistributionParts): ObjectDistribution[] {
  const { store, distribution, compiler, waits } = parts;
  const states = distribution.objects(refs.map(refKey));
  const proxies = refs.some(({ kind }) => untraced.has(kind) || ofClusters.has(kind)) ? distribution.list() : [];
  const someWait = proxies.some(({ onDemand }) => onDemand);
  const away = awayNow(parts).map((gone) => ({ node: gone.node, needs: needsOf(compiler, gone) }));
  return refs.map((ref): ObjectDistribution => {
    const key = refKey(ref);
    let found = states.get(key) ?? [];
    if (found.length === 0 && untraced.has(ref.kind)) {
      found = proxies.filter(({ node }) => concerns(ref, node, store)).map(wholeState);
    }
    const behind = [
      ...found.flatMap(({ node, state, message = '' }): ProxyBehind[] =>
        state === 'acknowledged'
          ? []
          : [{ proxy: node.name, state: state === 'rejected' ? 'rejected' : 'sending', why: message }],
      ),
      ...away
        .filter(({ needs }) => needs.has(key))
        .map(({ node }): ProxyBehind => ({ proxy: node.name, state: 'not connected', why: 'it runs what it had' })),
    ];
    const needed = new Set([...found.map(({ node }) => node.name), ...behind.map(({ proxy }) => proxy)]).size;
    return {
      name: printedName(ref),
      namespace: ref.namespace,
      proxies: needed,
      acknowledged: needed - new Set(behind.map(({ proxy }) => proxy)).size,
      behind,
      uncalled: needed === 0 && someWait && ofClusters.has(ref.kind),
      waits: waits(ref),
    };
  });
}

/** `2/3`, with a mark where the object itself waits; empty for what no proxy is sent. */
export const distributedText = ({ proxies, acknowledged, waits }: ObjectDistribution): string =>
  `${acknowledged}/${proxies}${waits.length > 0 ? ' waits' : ''}`;

/** Objects that somebody lacks, or that wait; the first hundred. */
export function behindNow(waiting: readonly ObjectRef[], parts: DistributionParts): ObjectDistribution[] {
  const refs = new Map([...parts.distribution.lacking(), ...waiting].map((ref) => [refKey(ref), ref]));
  return distributionOf([...refs.values()].slice(0, mostBehind), parts);
}

const mostBehind = 100;

/** Proxies that were connected, are not, and whose pod is still there. */
const awayNow = ({ store, distribution }: DistributionParts): Departed[] =>
  distribution.departed().filter(({ node: { name } }) => {
    const dot = name.lastIndexOf('.');
    return dot > 0 && store.kind('', 'Pod').get(objectKey(name.slice(dot + 1), name.slice(0, dot))) !== undefined;
  });

/** Everything that causes something of a proxy's configuration. */
function needsOf(compiler: Compiler, { node, called }: Departed): ReadonlySet<string> {
  const keys = new Set<string>();
  const add = (resource: Resource | undefined) => {
    for (const { object } of resource?.causes ?? []) keys.add(refKey(object));
  };
  try {
    const configuration: Configuration = compiler.configurationFor(node).peek();
    for (const resource of configuration.listeners.peek().values()) add(resource);
    for (const resource of configuration.clusters.peek().values()) add(resource);
    for (const name of configuration.routeNames.peek()) add(configuration.route(name).peek());
    for (const name of called) add(configuration.called?.(name).peek());
  } catch {
    // What cannot be computed is said where it is served; here it counts as not needed.
  }
  return keys;
}

const concerns = (ref: ObjectRef, node: ProxyNode, { meshConfig }: Store): boolean =>
  ref.namespace === node.namespace || ref.namespace === meshConfig.peek().rootNamespace;

/** Of a proxy as a whole: the worst of its types. */
function wholeState({ node, types, settled }: ProxyDistribution): ObjectState & { readonly node: ProxyNode } {
  if (settled) return { node, state: 'acknowledged' };
  const refused = types.flatMap(({ rejected }) => rejected).at(-1);
  if (refused !== undefined) return { node, state: 'rejected', message: `${refused.name}: ${refused.message}` };
  const broken = types.find(({ problem }) => problem !== undefined)?.problem;
  return { node, state: 'pending', ...(broken !== undefined && { message: `cannot be computed: ${broken}` }) };
}

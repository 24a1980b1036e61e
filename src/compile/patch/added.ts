// Clusters and listeners that patches bring: beside what was generated, each a resource of its own.

import { clone } from '@bufbuild/protobuf';
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema, type Listener } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import type { Resource } from '../resource.ts';
import type { Refusal } from './attempt.ts';
import type { Patch } from './patch.ts';
import { madeWith, messageOf } from './resources.ts';
import { clusterProblems, listenerProblems } from './structure.ts';
import type { ProxySurroundings } from './surroundings.ts';

interface Resources {
  readonly byName: ReadonlyMap<string, Resource>;
  readonly refusals: readonly Refusal[];
}

/** A patch for any context brings what it adds where requests leave only, as in Istio. */
function additions<To extends 'CLUSTER' | 'LISTENER'>(applyTo: To, { contexts }: ProxySurroundings): Patch<To>[] {
  return contexts.flatMap(({ set }) =>
    set
      .of(applyTo)
      .filter(
        ({ operation, match }) =>
          operation === 'ADD' && (set.context !== 'SIDECAR_INBOUND' || (match.context ?? 'ANY') !== 'ANY'),
      ),
  );
}

export function addedClusterResources({ byName, refusals }: Resources, around: ProxySurroundings): Resources {
  const found = new Collected(byName, refusals);
  for (const patch of additions('CLUSTER', around)) {
    if (patch.value === undefined) continue;
    found.add(patch, clusterProblems(patch.value), () =>
      madeWith(ClusterSchema, clone(ClusterSchema, value(patch)), [], [patch]),
    );
  }
  return found;
}

export function addedListenerResources({ byName, refusals }: Resources, around: ProxySurroundings): Resources {
  const adding = additions('LISTENER', around);
  const found = new Collected(byName, refusals);
  for (const patch of adding) {
    const listener = value(patch);
    const problems = [...listenerProblems(listener), ...sameAddress(listener, found.byName)];
    found.add(patch, problems, () => madeWith(ListenerSchema, clone(ListenerSchema, listener), [], [patch]));
  }
  return found;
}

const value = <To extends 'CLUSTER' | 'LISTENER'>({ value }: Patch<To>) => value as NonNullable<typeof value>;

/** What is added so far. */
class Collected implements Resources {
  readonly byName: Map<string, Resource>;
  readonly refusals: Refusal[];

  constructor(byName: ReadonlyMap<string, Resource>, refusals: readonly Refusal[]) {
    this.byName = new Map(byName);
    this.refusals = [...refusals];
  }

  add(patch: Patch, problems: readonly string[], make: () => Resource): void {
    const made = make();
    const [problem] = this.byName.has(made.name) ? ['its name is there twice'] : problems;
    if (problem === undefined) this.byName.set(made.name, made);
    else this.refusals.push({ patch, resource: made.name, problem });
  }
}

/** Two listeners that both open a socket need two addresses. */
function sameAddress(listener: Listener, others: ReadonlyMap<string, Resource>): string[] {
  const address = openAddress(listener);
  if (address === undefined) return [];
  const taken = [...others.values()].find((other) => openAddress(messageOf(ListenerSchema, other)) === address);
  return taken === undefined ? [] : [`${taken.name} is at ${address} already`];
}

function openAddress({ address, bindToPort }: Listener): string | undefined {
  if (bindToPort === false || address?.address.case !== 'socketAddress') return undefined;
  const { address: host, portSpecifier } = address.address.value;
  return portSpecifier.case === 'portValue' && portSpecifier.value !== 0 ? `${host}:${portSpecifier.value}` : undefined;
}

// The namespaces that the mesh takes notice of (MeshConfig.discoverySelectors): of the others no object counts.

import type { ApiObject } from '../api/object.ts';
import type { MeshConfig } from '../api/mesh-config.ts';
import { matchesSet, type Labels } from './labels.ts';

type Said = Pick<MeshConfig, 'discoverySelectors' | 'rootNamespace'>;

export interface Discovery {
  /** Whether the objects of a namespace count; those of the cluster have the namespace '' and always do. */
  readonly admits: (namespace: string) => boolean;
  /** The namespaces whose labels decide otherwise than their names. */
  readonly exceptions: string;
}

/** Kubernetes gives each namespace this label. */
const nameLabel = 'kubernetes.io/metadata.name';

/** What counts, given the Namespace objects of a cluster: all where nothing selects, and the root namespace anyway. */
export function discoveryOf({ discoverySelectors = [], rootNamespace }: Said, namespaces: () => readonly ApiObject[]): Discovery {
  if (discoverySelectors.length === 0) return everything;
  const selected = (name: string, labels: Labels): boolean =>
    name === rootNamespace || discoverySelectors.some((selector) => matchesSet(selector, { ...labels, [nameLabel]: name }));
  const exceptions = namespaces()
    .filter(({ metadata: { name, labels } }) => selected(name, labels) !== selected(name, {}))
    .map(({ metadata }) => metadata.name);
  const other = new Set(exceptions);
  return {
    admits: (namespace) => namespace === '' || selected(namespace, {}) !== other.has(namespace),
    exceptions: exceptions.sort().join(),
  };
}

const everything: Discovery = { admits: () => true, exceptions: '' };

// From where a caller looks at the mesh: most namespaces see the same, and so share everything that is made from what they see.

import { computed } from '@preact/signals-core';
import type { Collection } from '../store/collection.ts';
import { family } from '../store/family.ts';
import type { DestinationPolicy } from './destination-policy.ts';
import type { Route } from './route.ts';
import type { Service } from './service.ts';
import type { Visibility } from './visibility.ts';

/** No namespace has this name: it sees what everyone sees. */
const ordinary = '';

interface Seen {
  readonly services: Collection<Service>;
  readonly routes: Collection<Route>;
  readonly policies: Collection<DestinationPolicy>;
  readonly rootNamespace: string;
}

/** The namespace to look from in the place of a caller's own: itself where it sees anything of its own, else `ordinary`. */
export function outlooks(seen: Seen): (namespace: string) => string {
  const special = computed(() => specialNamespaces(seen));
  const cells = family((namespace): string =>
    namespace === seen.rootNamespace || special.value.has(namespace) ? namespace : ordinary,
  );
  return (namespace) => cells(namespace).value;
}

/**
 * Namespaces that see something else than every other: a private object, one of two services with a host, a policy for another
 * namespace's service, a rule for callers from there.
 */
function specialNamespaces({ services, routes, policies, rootNamespace }: Seen): ReadonlySet<string> {
  const special = new Set<string>();
  const addVisibility = (visibility: Visibility) => {
    if (!visibility.everyone) for (const namespace of visibility.namespaces) special.add(namespace);
  };
  const homes = new Map<string, string>();
  for (const service of services.all()) {
    addVisibility(service.visibility);
    const other = homes.get(service.host);
    if (other === undefined) homes.set(service.host, service.namespace);
    else special.add(other).add(service.namespace);
  }
  for (const policy of policies.all()) {
    addVisibility(policy.visibility);
    // Its own namespace finds such a policy first, others do not find it at all.
    if (policy.namespace !== rootNamespace && homes.get(policy.host) !== policy.namespace) special.add(policy.namespace);
  }
  for (const route of routes.all()) {
    addVisibility(route.visibility);
    for (const rule of [...route.http, ...route.tls, ...route.tcp]) {
      for (const { sourceNamespace } of rule.matches) if (sourceNamespace !== undefined) special.add(sourceNamespace);
    }
  }
  return special;
}

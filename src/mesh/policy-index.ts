// Which destination policies a caller gets: found by host and namespace, the most specific first.

import type { DestinationRule } from '../api/destination-rule.ts';
import type { MeshConfig } from '../api/mesh-config.ts';
import type { ApiObject } from '../api/object.ts';
import type { Collection, Index } from '../store/collection.ts';
import { family } from '../store/family.ts';
import type { StoreReader } from '../store/reader.ts';
import { byAge } from '../store/store.ts';
import { destinationPolicy, isWildcardPolicy, mostSpecific, type DestinationPolicy } from './destination-policy.ts';
import { isVisible, type Visibility } from './visibility.ts';

const byPolicyAge = (a: DestinationPolicy, b: DestinationPolicy): number =>
  byAge(a.objects[0] as ApiObject, b.objects[0] as ApiObject);

/** Policies as the store's objects write them; it follows every change. */
export const writtenPolicies = (store: StoreReader, config: MeshConfig, domain: string): Collection<DestinationPolicy> =>
  store
    .kind('networking.istio.io', 'DestinationRule')
    .derive<DestinationPolicy>(byPolicyAge, (object, key) => [
      [key, destinationPolicy(object as unknown as ApiObject<DestinationRule>, domain, config.defaultDestinationRuleExportTo)],
    ]);

export class PolicyIndex {
  readonly #byHost: Index<DestinationPolicy>;
  readonly #root: string;

  constructor(policies: Collection<DestinationPolicy>, rootNamespace: string) {
    this.#root = rootNamespace;
    this.#byHost = policies.index((policy) => [
      isWildcardPolicy(policy) ? `${policy.namespace}/*` : `${policy.namespace}/${policy.host}`,
    ]);
  }

  /**
   * Its own namespace's first, then the service's, then the root namespace's; in each the most specific host, merged
   * (istio.md §2.2). A root-namespace caller looks there last, so that mesh-wide rules do not hide a service's own.
   */
  readonly #policies = family((id): readonly DestinationPolicy[] => {
    const [from = '', home = '', host = ''] = id.split('/');
    const of = (namespace: string, seen: (visibility: Visibility) => boolean): readonly DestinationPolicy[] => {
      const filter = (list: readonly DestinationPolicy[]) => list.filter(({ visibility }) => seen(visibility));
      return mostSpecific(host, filter(this.#byHost.get(`${namespace}/${host}`)), filter(this.#byHost.get(`${namespace}/*`)));
    };
    const exported = (visibility: Visibility) => isVisible(visibility, from);
    const privately = (visibility: Visibility) =>
      !visibility.everyone && visibility.namespaces.has(from) && visibility.namespaces.size === 1;
    const own = from === this.#root ? of(this.#root, privately) : of(from, exported);
    if (own.length > 0) return own;
    const services = home === '' ? [] : of(home, exported);
    return services.length > 0 ? services : of(this.#root, exported);
  });

  /** What a namespace's callers get for a host whose service, if there is one, is at `home`. */
  policies(host: string, home: string, from: string): readonly DestinationPolicy[] {
    return this.#policies(`${from}/${home}/${host}`).value;
  }
}

// Which EnvoyFilters are for a proxy, in the order in which they apply. What they patch is no matter of the normal form: compile
// reads that from the objects.

import type { EnvoyFilter } from '../api/envoy-filter.ts';
import type { ApiObject } from '../api/object.ts';
import type { StoreReader } from '../store/reader.ts';
import { byAge } from '../store/store.ts';
import { matchesLabels, type Labels } from './labels.ts';

/** The labels of gateways that Gateway API objects made: what `targetRefs` select by. */
const gatewayName = 'gateway.networking.k8s.io/gateway-name';
const gatewayClass = 'gateway.networking.k8s.io/gateway-class-name';

type Filter = ApiObject<EnvoyFilter>;

const kind = ['networking.istio.io', 'EnvoyFilter'] as const;

export class PatchIndex {
  readonly #store: StoreReader;
  readonly #root: string;

  constructor(store: StoreReader, rootNamespace: string) {
    this.#store = store;
    this.#root = rootNamespace;
  }

  /** By priority, then the root namespace's before the proxy's own, then oldest first (istio.md §1.6). */
  for(namespace: string, labels: Labels): readonly Filter[] {
    const from = namespace === this.#root ? [namespace] : [this.#root, namespace];
    return from
      .flatMap((where) => this.#store.inNamespace(...kind, where) as unknown as readonly Filter[])
      .filter((object) => this.#selects(object, namespace, labels))
      .toSorted(
        (a, b) =>
          priority(a) - priority(b) ||
          this.#distance(a) - this.#distance(b) ||
          byAge(a as unknown as ApiObject, b as unknown as ApiObject),
      );
  }

  #distance(object: Filter): number {
    return object.metadata.namespace === this.#root ? 0 : 1;
  }

  #selects({ body, metadata }: Filter, namespace: string, labels: Labels): boolean {
    const { targetRefs = [], workloadSelector } = body.spec ?? {};
    if (targetRefs.length === 0) return matchesLabels(workloadSelector?.labels ?? {}, labels);
    return targetRefs.some(({ kind, name }) => {
      if (kind === 'Gateway') return metadata.namespace === namespace && labels[gatewayName] === name;
      return kind === 'GatewayClass' && metadata.namespace === this.#root && labels[gatewayClass] === name;
    });
  }
}

const priority = ({ body }: Filter): number => body.spec?.priority ?? 0;

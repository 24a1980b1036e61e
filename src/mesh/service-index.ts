// The services of the mesh, whoever registered them: found by host and namespace, and as each caller sees them.

import type { ApiObject } from '../api/object.ts';
import type { MeshConfig } from '../api/mesh-config.ts';
import type { ServiceEntry } from '../api/service-entry.ts';
import { Collection, type Index } from '../store/collection.ts';
import { family } from '../store/family.ts';
import type { StoreReader } from '../store/reader.ts';
import type { Cluster } from './cluster.ts';
import { byServiceAge, serviceEntryServices, type Service } from './service.ts';
import { isVisible } from './visibility.ts';

/** Services as the clusters' objects register them, the primary cluster first; it follows every change. */
export function registeredServices(clusters: readonly Cluster[], primary: StoreReader, config: MeshConfig): Collection<Service> {
  const services = new Collection<Service>(byServiceAge);
  mergeClusters(clusters, services);
  const home = clusters[0]?.id ?? '';
  primary
    .kind('networking.istio.io', 'ServiceEntry')
    .derive<Service>(byServiceAge, (object, key) =>
      serviceEntryServices(object as unknown as ApiObject<ServiceEntry>, home, config.defaultServiceExportTo).map(
        (service) => [`se/${key}/${service.host}`, service] as const,
      ),
    )
    .feed(services);
  return services;
}

/** A service of one name in several clusters is one service: the first cluster that has it says what it is. */
function mergeClusters(clusters: readonly Cluster[], services: Collection<Service>): void {
  const known = new Map<string, (Service | undefined)[]>();
  for (const [index, cluster] of clusters.entries()) {
    cluster.services.feed({
      set(key, service) {
        const all = known.get(key) ?? [];
        all[index] = service;
        const [first, ...elsewhere] = all.filter((each) => each !== undefined);
        if (first === undefined) known.delete(key);
        else known.set(key, all);
        services.set(`k8s/${key}`, first === undefined || elsewhere.length === 0 ? first : { ...first, elsewhere });
      },
    });
  }
}

export class ServiceIndex {
  readonly #all: Collection<Service>;
  readonly #byHost: Index<Service>;
  readonly #byNamespace: Index<Service>;

  constructor(services: Collection<Service>) {
    this.#all = services;
    this.#byHost = services.index((service) => [service.host]);
    this.#byNamespace = services.index((service) => [service.namespace]);
  }

  all(): readonly Service[] {
    return this.#all.all();
  }

  at(host: string): readonly Service[] {
    return this.#byHost.get(host);
  }

  in(namespace: string): readonly Service[] {
    return this.#byNamespace.get(namespace);
  }

  seen(host: string, from: string): Service | undefined {
    return this.at(host)
      .filter(({ visibility }) => isVisible(visibility, from))
      .reduce<Service | undefined>(
        (best, service) => (best === undefined || comesBefore(service, best, from) ? service : best),
        undefined,
      );
  }

  readonly #visible = family((from): readonly Service[] => {
    const hosts = new Map<string, Service>();
    for (const service of this.#all.all()) {
      if (!isVisible(service.visibility, from)) continue;
      const best = hosts.get(service.host);
      if (best === undefined || comesBefore(service, best, from)) hosts.set(service.host, service);
    }
    return [...hosts.values()];
  });

  visible(from: string): readonly Service[] {
    return this.#visible(from).value;
  }

  readonly #aliases = family((from): readonly Service[] =>
    this.#visible(from).value.filter(({ resolution }) => resolution === 'alias'),
  );

  aliases(from: string): readonly Service[] {
    return this.#aliases(from).value;
  }
}

/** Of two services with one host: the one in the caller's namespace, else Kubernetes' own, else the older (Istio's choice). */
export const comesBefore = (service: Service, best: Service, from: string): boolean =>
  best.namespace !== from &&
  (service.namespace === from || (best.registry !== 'Kubernetes' && service.registry === 'Kubernetes'));

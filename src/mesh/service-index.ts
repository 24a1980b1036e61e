// The services of the mesh, whoever registered them: found by host and namespace, and as each caller sees them.

import type { ApiObject } from '../api/object.ts';
import type { MeshConfig } from '../api/mesh-config.ts';
import type { ServiceEntry } from '../api/service-entry.ts';
import { Collection, type Index } from '../store/collection.ts';
import { family } from '../store/family.ts';
import type { StoreReader } from '../store/reader.ts';
import { byAge, objectKey } from '../store/store.ts';
import type { Cluster } from './cluster.ts';
import { narrowingOf } from './entry-visibility.ts';
import type { Labels } from './labels.ts';
import { byServiceAge, inClusters, serviceEntryServices, type Service } from './service.ts';
import { isVisible } from './visibility.ts';

/** Services as the clusters' objects register them, the primary cluster first; it follows every change. */
export function registeredServices(clusters: readonly Cluster[], primary: StoreReader, config: MeshConfig): Collection<Service> {
  const services = new Collection<Service>(byServiceAge);
  mergeClusters(clusters, services);
  const home = clusters[0]?.id ?? '';
  const { defaultServiceExportTo: exportTo } = config;
  const narrowing = narrowingOf(config.serviceEntryVisibility);
  const named = (key: string, object: ApiObject, narrow: (service: Service) => Service) =>
    serviceEntryServices(object as unknown as ApiObject<ServiceEntry>, home, exportTo).map(
      (service) => [`se/${key}/${service.host}`, narrow(service)] as const,
    );
  const entries = primary.kind('networking.istio.io', 'ServiceEntry');
  if (narrowing === undefined) {
    entries.derive<Service>(byServiceAge, (object, key) => named(key, object, (service) => service)).feed(services);
    return services;
  }
  withNamespaces(entries, primary.kind('', 'Namespace'))
    .derive<Service>(byServiceAge, (entry, key) =>
      named(key, entry.object, (service) => ({
        ...service,
        visibility: narrowing(service.visibility, service.namespace, entry.labels),
      })),
    )
    .feed(services);
  return services;
}

/** An entry, with the labels of its namespace. */
interface Labelled {
  readonly object: ApiObject;
  readonly labels: Labels;
}

/** Entries with their namespaces' labels, made again when those change. */
function withNamespaces(entries: Collection<ApiObject>, namespaces: Collection<ApiObject>): Collection<Labelled> {
  const both = new Collection<ApiObject>(byAge);
  const named = (kind: string, key: string): string => `${kind} ${key}`;
  entries.feed({ set: (key, object) => both.set(named('entry', key), object) });
  namespaces.feed({ set: (key, object) => both.set(named('namespace', key), object) });
  const home = ({ metadata }: ApiObject): string => named('namespace', objectKey('', metadata.namespace));
  return both
    .deriveJoined<Labelled>(
      (a, b) => byAge(a.object, b.object),
      (object) => (object.kind === 'ServiceEntry' ? [home(object)] : []),
      (object, at) => ({ object, labels: at(home(object))?.metadata.labels ?? {} }),
    )
    .derive<Labelled>(
      (a, b) => byAge(a.object, b.object),
      (entry, key) => (entry.object.kind === 'ServiceEntry' ? [[key, entry]] : []),
    );
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
  readonly #byAddress: Index<Service>;

  constructor(services: Collection<Service>) {
    this.#all = services;
    this.#byHost = services.index((service) => [service.host]);
    this.#byNamespace = services.index((service) => [service.namespace]);
    this.#byAddress = services.index((service) => new Set(inClusters(service).flatMap(({ addresses }) => addresses)));
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

  withAddress(address: string): readonly Service[] {
    return this.#byAddress.get(address);
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

// Who serves the ports of services, each answer a cell that all who ask share; in the normal form, between services and clusters.

import type { ReadonlySignal } from '@preact/signals-core';
import { family } from '../store/family.ts';
import type { Cluster } from './cluster.ts';
import { endpointsOf, type Endpoint } from './endpoint.ts';
import { headlessAddresses } from './headless.ts';
import { inClusters, portNumbered, serviceKey, type Service } from './service.ts';

/** What endpoints are found by. */
export interface EndpointSources {
  /** Every service of the mesh. */
  readonly all: () => readonly Service[];
  readonly at: (host: string) => readonly Service[];
  readonly in: (namespace: string) => readonly Service[];
  readonly cluster: (id: string) => Cluster;
  readonly clusters: () => Iterable<Cluster>;
}

export class EndpointIndex {
  readonly #sources: EndpointSources;
  readonly #headless: (address: string) => ReadonlySignal<boolean>;

  constructor(sources: EndpointSources) {
    this.#sources = sources;
    this.#headless = headlessAddresses(sources.all, (service, port) => this.endpoints(service, port).value);
  }

  readonly #endpoints = family((id): readonly Endpoint[] => {
    const [key, port] = splitLast(id);
    const [namespace, host] = splitFirst(key);
    const service = this.#sources.at(host).find((candidate) => candidate.namespace === namespace);
    const found = service && portNumbered(service, Number(port));
    if (service === undefined || found === undefined) return [];
    // An entry selects workloads wherever they run; a Kubernetes service has its endpoints in the clusters that have it.
    if (service.registry === 'External' && service.selector !== undefined) {
      return [...this.#sources.clusters()].flatMap(({ inputs }) => endpointsOf(service, found, inputs));
    }
    return inClusters(service).flatMap((each) => {
      const own = each === service ? found : each.ports.find(({ name }) => name === found.name);
      return own === undefined ? [] : endpointsOf(each, own, this.#sources.cluster(each.cluster).inputs);
    });
  });

  /** Who serves a port of a service. */
  endpoints(service: Service, port: number): ReadonlySignal<readonly Endpoint[]> {
    return this.#endpoints(`${serviceKey(service)}|${port}`);
  }

  readonly #accounts = family((id): string => {
    const names = new Set<string>();
    for (const { namespace, serviceAccount } of this.#endpoints(id).value) {
      if (serviceAccount !== '') names.add(`${namespace}/${serviceAccount}`);
    }
    return [...names].sort().join(' ');
  });

  /** The service accounts behind a port as `namespace/name`, sorted. Changes only when that set does. */
  serviceAccounts(service: Service, port: number): readonly string[] {
    const text = this.#accounts(`${serviceKey(service)}|${port}`).value;
    return text === '' ? [] : text.split(' ');
  }

  readonly #written = family((namespace): ReadonlySet<string> => {
    const written = new Set<string>();
    for (const service of this.#sources.in(namespace)) {
      // Where a Service selects, the Pods' labels say who serves it; addresses are what people wrote.
      if (service.registry === 'Kubernetes' && service.selector !== undefined) continue;
      for (const port of service.ports)
        for (const { address } of this.endpoints(service, port.number).value) written.add(address);
    }
    return written;
  });

  /** The addresses that make a workload of a namespace the server of a service that does not select it by labels alone. */
  writtenAddresses(namespace: string): ReadonlySet<string> {
    return this.#written(namespace).value;
  }

  /** Whether callers reach a headless service at an address: then they have a listener for it. */
  isHeadlessAddress(address: string): boolean {
    return this.#headless(address).value;
  }
}

const splitFirst = (text: string) => splitAt(text, text.indexOf('/'));
const splitLast = (text: string) => splitAt(text, text.lastIndexOf('|'));
const splitAt = (text: string, at: number): [string, string] => [text.slice(0, at), text.slice(at + 1)];

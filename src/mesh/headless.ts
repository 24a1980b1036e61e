// Addresses that headless services give their callers: these have listeners for each of them.

import { computed, type ReadonlySignal } from '@preact/signals-core';
import { family } from '../store/family.ts';
import type { Endpoint } from './endpoint.ts';
import { isHttp } from './protocol.ts';
import { hasListenersOfPods, type Service } from './service.ts';

/** A cell for each address: whether it is one of them. HTTP is called by name, and needs no listener of its own. */
export function headlessAddresses(
  services: () => readonly Service[],
  endpoints: (service: Service, port: number) => readonly Endpoint[],
): (address: string) => ReadonlySignal<boolean> {
  const all = computed((): ReadonlySet<string> => {
    const ports = services()
      .filter(hasListenersOfPods)
      .flatMap((service) => service.ports.map((port) => ({ service, port })))
      .filter(({ port: { protocol } }) => !isHttp(protocol) && protocol !== 'UDP');
    return new Set(ports.flatMap(({ service, port }) => endpoints(service, port.number).map(({ address }) => address)));
  });
  return family((address): boolean => all.value.has(address));
}

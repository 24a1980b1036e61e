// Which services need nothing in a caller on demand until they are called: the name of their cluster follows from the request, by
// host or by dialled address, and no rule or policy says anything about routes or connections to them. All others are told of.

import type { ReadonlySignal } from '@preact/signals-core';
import { isHttp } from '../../mesh/protocol.ts';
import { hasListenersOfPods, type Service, type ServicePort } from '../../mesh/service.ts';
import { familyBy } from '../../store/family.ts';
import { connectionSettings, hasConnectionRules } from '../listener/outbound-rules.ts';
import { resolveDestination } from '../route/destination.ts';
import { addressesFor, destinationSettings, viewText, type View } from '../view.ts';

/** A service as Kubernetes names it, whose endpoints its cluster knows. */
const isOrdinary = ({ mesh }: View, { registry, resolution, name, namespace, host }: Service): boolean =>
  registry === 'Kubernetes' && resolution === 'endpoints' && host === `${name}.${namespace}.svc.${mesh.domain}`;

/** Whether requests to a declared HTTP port are routed as any other's. The caller has found no rules and no other names. */
export function isPlainHttp(view: View, service: Service, port: ServicePort): boolean {
  if (!isHttp(port.protocol) || !isOrdinary(view, service)) return false;
  const { announcement, hashPolicy } = resolveDestination(
    view,
    { host: service.host, subset: '', port: port.number },
    port.number,
  );
  return hashPolicy.length === 0 && (announcement === undefined || announcement === 'http2');
}

/** Whether connections to a port of virtual addresses go straight to the service, whatever the caller says first. */
function isPlainDialled(view: View, service: Service, port: ServicePort): boolean {
  if (hasConnectionRules(view, service, port)) return false;
  const { number, protocol } = port;
  const { idleTimeout, maxDuration, hashBySource, tunnel } = connectionSettings(destinationSettings(view, service, number, ''));
  if (idleTimeout !== undefined || maxDuration !== undefined || hashBySource || tunnel !== undefined) return false;
  if (protocol !== 'Auto') return true;
  if (view.mesh.httpRules(service.host, view).length > 0) return false;
  const { announcement, hashPolicy } = resolveDestination(view, { host: service.host, subset: '', port: number }, number);
  return hashPolicy.length === 0 && announcement === 'client';
}

/** A port at which connections are handed on by the address that was dialled. */
export interface DialledPort {
  /** `detected`: HTTP where the first bytes say so. Declared ports are never looked into. */
  readonly kind: 'declared' | 'detected';
  /**
   * Ranges that hold the virtual addresses of services with the port: CIDRs, sorted. Also those that have a listener of their own: theirs
   * comes before this one when rules come, and the connections that are there go on.
   */
  readonly ranges: readonly string[];
  readonly services: ReadonlySet<Service>;
}

/** The ports of a view that are told apart by dialled address. */
export const dialledPorts = (view: View): ReadonlyMap<number, DialledPort> => cells(view).value;

const cells: (view: View) => ReadonlySignal<ReadonlyMap<number, DialledPort>> = familyBy(viewText, (view) => {
  const shared = new Set<number>();
  const found = new Map<number, { service: Service; port: ServicePort; plain: boolean }[]>();
  for (const service of view.mesh.visibleServices(view)) {
    if (service.resolution === 'alias') continue;
    const addresses = addressesFor(view, service);
    const own = addresses.length > 0 && addresses.every((address) => !address.includes('/'));
    for (const port of service.ports) {
      if (port.protocol === 'UDP') continue;
      // A port that all addresses share, for HTTP or for services without an address, is no place to look at the address.
      if (isHttp(port.protocol) || !(own || hasListenersOfPods(service))) shared.add(port.number);
      else if (own && isOrdinary(view, service)) {
        const list = found.get(port.number) ?? [];
        found.set(port.number, list);
        list.push({ service, port, plain: isPlainDialled(view, service, port) });
      }
    }
  }
  const ports = new Map<number, DialledPort>();
  for (const [number, list] of found) {
    if (shared.has(number)) continue;
    const declared = list.filter(({ port }) => port.protocol !== 'Auto');
    // One kind for a port: what one service declares is not looked into for another's sake, which has a listener of its own.
    const chosen = declared.length > 0 ? declared : list;
    const ranges = new Set(chosen.flatMap(({ service }) => addressesFor(view, service).map(rangeOf)));
    ports.set(number, {
      kind: declared.length > 0 ? 'declared' : 'detected',
      ranges: [...ranges].sort(),
      services: new Set(chosen.filter(({ plain }) => plain).map(({ service }) => service)),
    });
  }
  return ports;
});

/**
 * The part of a cluster's service range that an address is in: few in a mesh, and nothing else is in them, so that what a proxy
 * asks for by address stays bounded.
 */
export function rangeOf(address: string): string {
  if (address.includes(':')) return `${groupsOf(address).slice(0, 7).join(':')}:0/112`;
  return `${address.split('.').slice(0, 2).join('.')}.0.0/16`;
}

/** The eight groups of an IPv6 address, without leading zeros. */
function groupsOf(address: string): string[] {
  const [head = '', tail] = address.toLowerCase().split('::');
  const words = (text: string) => text.split(':').filter((word) => word !== '');
  const [before, after] = [words(head), words(tail ?? '')];
  const between = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...between, ...after].map((word) => word.replace(/^0+(?=.)/, ''));
}

// Who is in a sidecar's route table, in the order in which they claim domains. What only services decide is worked out when services
// change, so that a changed rule costs a look at each host and no more.

import type { ReadonlySignal } from '@preact/signals-core';
import { coversHost, isWildcard } from '../../mesh/hostname.ts';
import { isHttpOrAuto } from '../../mesh/protocol.ts';
import type { Route } from '../../mesh/route.ts';
import { portNumbered, type Service } from '../../mesh/service.ts';
import { familyBy } from '../../store/family.ts';
import type { Delivery } from '../configuration.ts';
import { addressesFor, destinationService, viewText, type View } from '../view.ts';
import type { Named } from './domains.ts';
import { audienceAt, ruleFor, serviceEntry, strangerEntry, type HostEntry } from './host-entry.ts';
import { hasRuleFor } from './http-rules.ts';

export interface PortOfView {
  readonly view: View;
  readonly port: number;
  readonly delivery: Delivery;
}

/** The port where Istio puts rules for hosts that are no services. */
export const portOfStrangers = 80;

export const portText = ({ view, port, delivery }: PortOfView): string => `${viewText(view)}\n${port} ${delivery}`;

const speaksHttp = (service: Service, port: number): boolean => isHttpOrAuto(portNumbered(service, port)?.protocol ?? 'TCP');

type EntryCell = ReadonlySignal<HostEntry | undefined>;

/** The services of a port. */
interface PortServices {
  readonly here: readonly Service[];
  readonly registered: ReadonlyMap<string, Service>;
  readonly entries: readonly EntryCell[];
  readonly byHost: ReadonlyMap<string, EntryCell>;
  /** What hosts that only rules name are called by. */
  readonly strangers: Map<string, Named>;
  /** Those hosts, by the object that names them. */
  readonly named: WeakMap<Route, readonly string[]>;
}

const servicesAt = familyBy(portText, (at: PortOfView): PortServices => {
  const { view, port } = at;
  const here = view.mesh.visibleServices(view).filter((service) => portNumbered(service, port) !== undefined);
  const registered = new Map(here.map((service) => [service.host, service]));
  const plain = new Map<string, string[]>();
  const entries: EntryCell[] = [];
  const byHost = new Map<string, EntryCell>();
  const add = (service: Service, hosts: readonly string[]) => {
    const cell = serviceEntry({ ...at, service, named: namedOf(view, service, hosts) });
    entries.push(cell);
    for (const host of hosts) byHost.set(host, cell);
  };
  // An alias is one more name of its service, unless it has rules of its own.
  for (const alias of view.mesh.aliases(view)) {
    const own = registered.get(alias.host) === alias && speaksHttp(alias, port) && ruleFor(view, alias.host, port) !== undefined;
    if (own) add(alias, [alias.host]);
    else {
      const host = destinationService(view, alias.host)?.host;
      if (host !== undefined) plain.set(host, [...(plain.get(host) ?? []), alias.host]);
    }
  }
  for (const service of here) {
    if (service.resolution === 'alias' || !speaksHttp(service, port)) continue;
    add(service, [service.host, ...(plain.get(service.host) ?? [])]);
  }
  return { here, registered, entries, byHost, strangers: new Map(), named: new WeakMap() };
});

const namedOf = (view: View, service: Service, hosts: readonly string[]): Named => ({
  hosts,
  addresses: addressesFor(view, service).filter((address) => !address.includes('/')),
  registered: true,
  headless: service.registry === 'Kubernetes' && service.resolution === 'original',
});

/** The list of before, where it holds the same. */
const settled = (previous: readonly HostEntry[] | undefined, next: readonly HostEntry[]): readonly HostEntry[] =>
  previous?.length === next.length && previous.every((entry, index) => entry === next[index]) ? previous : next;

const cells = familyBy(portText, (at: PortOfView, previous: readonly HostEntry[] | undefined) => {
  const ruled: HostEntry[] = [];
  const others: HostEntry[] = [];
  for (const cell of servicesAt(at).value.entries) {
    const entry = cell.value;
    if (entry !== undefined) (entry.route === undefined ? others : ruled).push(entry);
  }
  return settled(previous, [...ruled, ...strangersAt(at).value, ...others]);
});

/**
 * The hosts of the table of a port: those with rules first, which keep a domain that others claim too. On demand services that
 * need no entry of their own have none.
 */
export const hostEntries = (at: PortOfView): readonly HostEntry[] => cells(at).value;

/** The entry of the service that has a host among its names. */
export const entryOfHost = (at: PortOfView, host: string): HostEntry | undefined => servicesAt(at).value.byHost.get(host)?.value;

/**
 * Hosts that rules name and no service at the port has. They are there beside the services of the same object, and at port 80 if
 * the object has none.
 */
const strangersAt = familyBy(portText, ({ view, port, delivery }: PortOfView, previous: readonly HostEntry[] | undefined) => {
  const services = servicesAt({ view, port, delivery }).value;
  const found = new Map<string, HostEntry>();
  for (const route of view.mesh.sidecarRules(view)) {
    let hosts = services.named.get(route);
    if (hosts === undefined) services.named.set(route, (hosts = strangersOf(route, services, { view, port })));
    for (const host of hosts) {
      if (found.has(host)) continue;
      let named = services.strangers.get(host);
      if (named === undefined)
        services.strangers.set(host, (named = { hosts: [host], addresses: [], registered: false, headless: false }));
      found.set(host, strangerEntry({ view, port, route, named }).value);
    }
  }
  return settled(previous, [...found.values()]);
});

function strangersOf(route: Route, { here, registered }: PortServices, { view, port }: Omit<PortOfView, 'delivery'>): string[] {
  if (!hasRuleFor(route, audienceAt(view, port))) return [];
  const covered = (host: string): readonly Service[] => {
    if (isWildcard(host)) return here.filter((service) => coversHost(host, service.host));
    const service = registered.get(host);
    return service === undefined ? [] : [service];
  };
  const beside =
    port === portOfStrangers || route.hosts.some((host) => covered(host).some((service) => speaksHttp(service, port)));
  return beside ? route.hosts.filter((host) => covered(host).length === 0) : [];
}

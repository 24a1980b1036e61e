// The outbound listeners of a sidecar: one per HTTP port, one per address of TCP and detected services, and the one that catches
// what no other takes.

import { diagnose, type Diagnostic } from '../../api/diagnostic.ts';
import { refOf, refText } from '../../api/object.ts';
import { isSingleAddress } from '../../mesh/hostname.ts';
import { isHttp, type Protocol } from '../../mesh/protocol.ts';
import type { EgressPlace } from '../../mesh/scope.ts';
import { hasListenersOfPods, type Service, type ServicePort } from '../../mesh/service.ts';
import { nameCacheOf } from '../name-cache.ts';
import { dialledPorts, type DialledPort } from '../demand/plain.ts';
import type { Delivery } from '../configuration.ts';
import { httpProxyTable, listenerName } from '../names.ts';
import { cause } from '../origin.ts';
import type { Cause, Resource } from '../resource.ts';
import { addressesFor, throughListeners, type View } from '../view.ts';
import { anyAddresses, loopbackAddresses } from './chain.ts';
import { portListener } from './outbound-listener.ts';
import { tcpChains, type TcpChain } from './outbound-rules.ts';
import { virtualOutbound } from './virtual-outbound.ts';

/** A listener while services add to it: HTTP by one table, TCP by chains. */
export interface Draft {
  readonly name: string;
  readonly port: number;
  /** The first names the listener; the others lead there too. */
  readonly addresses: readonly string[];
  /** The route table of what turns out to be HTTP. */
  table: string | undefined;
  /** What the service speaks that came first. */
  readonly protocol: Protocol;
  /** It is opened: connections to it are dialled, not redirected. */
  readonly dialled: boolean;
  readonly chains: TcpChain[];
  /** Hosts are looked up as they are called. */
  dynamic: boolean;
  readonly causes: Cause[];
  /** Ranges of virtual addresses whose services are found when they are called. */
  readonly byAddress?: Pick<DialledPort, 'kind' | 'ranges'>;
}

export interface OutboundListeners {
  readonly listeners: ReadonlyMap<string, Resource>;
  /** The route tables they refer to, sorted. */
  readonly tables: readonly string[];
  /** Ports of services that older ones have taken. */
  readonly conflicts: readonly Diagnostic[];
}

/** Every outbound listener that a view has. */
export function outboundListeners(view: View, delivery: Delivery): OutboundListeners {
  const drafts = new Map<string, Draft>();
  const byAddress = delivery === 'demand' ? dialledPorts(view) : undefined;
  const conflicts: Diagnostic[] = [];
  for (const part of throughListeners(view)) {
    // What a listener with a port has taken is closed to those after it.
    const ground: Ground = { view: part, drafts, closed: new Set(drafts.keys()), conflicts };
    const place = part.egress?.place;
    for (const service of part.mesh.visibleServices(part)) {
      if (service.resolution === 'alias') continue;
      for (const port of service.ports) {
        if (byAddress?.get(port.number)?.services.has(service) === true) continue;
        if (place === undefined) addPort(ground, service, port);
        else if (place.port === 0 || port.number === place.port) addAtPlace(ground, place, service, port);
      }
    }
  }
  for (const [port, found] of byAddress ?? []) {
    const draft = byAddressDraft(view, port, found);
    drafts.set(draft.name, draft);
  }
  const listeners = [...drafts.values()].map((draft) => portListener(draft, view));
  if (view.httpProxy > 0) listeners.push(portListener(httpProxyDraft(view), view));
  if (!view.dialled) listeners.push(virtualOutbound(view));
  const tables = [...drafts.values()].flatMap(({ table }) => table ?? []);
  if (view.httpProxy > 0) tables.push(httpProxyTable);
  return {
    listeners: new Map(listeners.map((listener) => [listener.name, listener])),
    tables: [...new Set(tables)].sort(),
    conflicts,
  };
}

/** The listener of a port whose services are told apart by the address that is dialled; nothing else is there. */
function byAddressDraft({ families }: View, port: number, { kind, ranges }: DialledPort): Draft {
  const addresses = anyAddresses(families);
  const name = listenerName(addresses[0] ?? '', port);
  const protocol = kind === 'declared' ? 'TCP' : 'Auto';
  const plain = { table: undefined, dialled: false, dynamic: false, chains: [], causes: [] };
  return { name, port, addresses, protocol, ...plain, byAddress: { kind, ranges } };
}

/** The listener that applications ask for whole URLs (`http_proxy=…`). */
function httpProxyDraft(view: View): Draft {
  const { httpProxy, families } = view;
  const [address = ''] = loopbackAddresses(families);
  const name = listenerName(address, httpProxy);
  return {
    name,
    port: httpProxy,
    addresses: [address],
    table: httpProxyTable,
    protocol: 'HTTP',
    dialled: true,
    dynamic: nameCacheOf(view) !== undefined,
    chains: [],
    causes: [],
  };
}

/** What the services of one part of a scope are added to. */
interface Ground {
  readonly view: View;
  readonly drafts: Map<string, Draft>;
  readonly closed: ReadonlySet<string>;
  readonly conflicts: Diagnostic[];
}

/** Where a listener stands: on addresses of its own, or on all, where subnets tell services apart. */
interface Bind {
  readonly addresses: readonly string[];
  readonly subnets: readonly string[];
  readonly own: boolean;
  readonly dialled: boolean;
}

/** A listener of a Sidecar with a port: it is where, and speaks what, the Sidecar says. */
function addAtPlace(ground: Ground, place: EgressPlace, service: Service, port: ServicePort): void {
  const { families, dialled: all, unprivileged } = ground.view;
  const dialled = all || place.dialled;
  if (dialled && unprivileged && place.port > 0 && place.port < 1024) return;
  const addresses = place.bind !== '' ? [place.bind] : dialled ? loopbackAddresses(families) : anyAddresses(families);
  const draft = addAt(ground, service, { ...port, protocol: place.protocol }, { addresses, subnets: [], own: false, dialled });
  if (draft?.causes.length === 1) draft.causes.push(cause(place.object, place.path));
}

function addPort(ground: Ground, service: Service, port: ServicePort): void {
  const { view } = ground;
  if (port.protocol === 'UDP') return;
  if (view.dialled) {
    // All services of a port are called at one address: only what comes there tells them apart.
    if (view.unprivileged && port.number < 1024) return;
    addAt(ground, service, port, { addresses: loopbackAddresses(view.families), subnets: [], own: false, dialled: true });
    return;
  }
  const everywhere: Bind = { addresses: anyAddresses(view.families), subnets: [], own: false, dialled: false };
  const binds = isHttp(port.protocol) ? [everywhere] : bindsOf(view, service, port, everywhere);
  for (const bind of binds) addAt(ground, service, port, bind);
}

/** Adds a service's port to the listener at an address; undefined where the listener is not for it. */
function addAt({ view, drafts, closed, conflicts }: Ground, service: Service, port: ServicePort, bind: Bind): Draft | undefined {
  const { protocol, number } = port;
  const { addresses, subnets, own, dialled } = bind;
  const [first = ''] = addresses;
  // A Unix socket has no port: those of all its services come there.
  const at = first.startsWith('unix://') ? 0 : number;
  const name = listenerName(first, at);
  if (closed.has(name)) return undefined;
  const draft = drafts.get(name) ?? {
    name,
    port: at,
    addresses,
    table: undefined,
    protocol,
    dialled,
    dynamic: view.undeclared.lookedUp,
    chains: [],
    causes: [],
  };
  drafts.set(name, draft);
  const lost = (): undefined => {
    const conflict = conflictOf(service, port, draft);
    if (conflict !== undefined) conflicts.push(conflict);
  };
  if (!sharesPort(draft.protocol, protocol)) return lost();
  // On an address of its own the first service stays alone.
  if (own && draft.chains.length > 0) return lost();
  const before = draft.chains.length;
  draft.causes.push(cause(service.object));
  draft.dynamic ||= service.resolution === 'dynamic';
  const shared = at === 0 ? first : String(number);
  if (isHttp(protocol)) draft.table ??= shared;
  else {
    // What is detected on an address of its own has a table of its own.
    if (protocol === 'Auto') draft.table ??= own ? `${service.host}:${number}` : shared;
    for (const chain of tcpChains(view, service, port, subnets, !own)) addChain(draft, chain);
    // What is detected as HTTP still finds its service in the table.
    if (protocol !== 'Auto' && draft.chains.length === before) lost();
  }
  return draft;
}

/**
 * Says that connections to a service's port are another's. Headless services of the same pods lead to the same anyway, and hosts of one
 * object are told of when it is checked.
 */
function conflictOf(service: Service, { number }: ServicePort, { name, causes: [first] }: Draft): Diagnostic | undefined {
  const { object } = service;
  if (first === undefined || hasListenersOfPods(service) || refText(first.object) === refText(refOf(object))) return undefined;
  return diagnose(object, [], {
    code: 'LAT0210',
    severity: 'warning',
    message: `connections to port ${number} of ${service.host} go to ${refText(first.object)}, which has had ${name} longer`,
    help: 'give each host an address of its own, have the mesh resolve names (DNS_CAPTURE), or use another port',
  });
}

const serverFirst = (protocol: Protocol): boolean => protocol === 'MySQL' || protocol === 'Mongo';

/** Where a server speaks first, nothing can be detected: only its own kind may be on its port. */
const sharesPort = (first: Protocol, next: Protocol): boolean => first === next || !(serverFirst(first) || serverFirst(next));

/**
 * Two chains that match the same connections cannot stand together: what the older service has taken, the younger loses, name by
 * name or subnet by subnet.
 */
function addChain({ chains }: Draft, chain: TcpChain): void {
  const taken = new Set(chains.flatMap((other) => conditions(other)));
  const free = (name: string, subnet: string) => !taken.has(`${name} ${subnet}`);
  const serverNames = chain.serverNames.filter((name) => orAny(chain.subnets).every((subnet) => free(name, subnet)));
  if (chain.serverNames.length > 0) {
    if (serverNames.length > 0) chains.push({ ...chain, serverNames });
    return;
  }
  const subnets = chain.subnets.filter((subnet) => free('', subnet));
  if (chain.subnets.length > 0 ? subnets.length > 0 : free('', '')) chains.push({ ...chain, subnets });
}

const orAny = (list: readonly string[]): readonly string[] => (list.length === 0 ? [''] : list);

const conditions = ({ serverNames, subnets }: TcpChain): string[] =>
  orAny(serverNames).flatMap((name) => orAny(subnets).map((subnet) => `${name} ${subnet}`));

/** The addresses a TCP or detected port is called at. CIDRs share the port's common listener, told apart by chains. */
function bindsOf(view: View, service: Service, port: ServicePort, everywhere: Bind): Bind[] {
  // Only its names tell such a service: applications dial what they looked up themselves.
  if (service.resolution === 'dynamic') return [everywhere];
  const addresses = addressesFor(view, service);
  const single = addresses.filter((address) => !address.includes('/'));
  const cidrs = addresses.filter((address) => address.includes('/'));
  const each = service.registry === 'External' && service.addresses.length > 0;
  const binds = (each ? single.map((address) => [address]) : single.length > 0 ? [single] : []).map((own): Bind => ({
    addresses: own,
    subnets: [],
    own: true,
    dialled: false,
  }));
  if (cidrs.length > 0) binds.push({ ...everywhere, subnets: cidrs });
  if (binds.length > 0) return binds;
  return hasListenersOfPods(service) ? podBinds(view, service, port) : [everywhere];
}

/** A headless service without pods needs no listener, and must not take the port from others. */
function podBinds(view: View, service: Service, port: ServicePort): Bind[] {
  const addresses = new Set(view.mesh.endpoints(service, port.number).value.map(({ address }) => address));
  // Workloads may be written with a name instead, which nobody can dial.
  return [...addresses]
    .filter((address) => isSingleAddress(address) && (address.includes(':') ? view.families.v6 : view.families.v4))
    .map((address) => ({ addresses: [address], subnets: [], own: true, dialled: false }));
}

// The outbound listeners of a sidecar: one per HTTP port, one per address of TCP and detected services, and the one that catches
// what no other takes.

import { isHttp, type Protocol } from '../../mesh/protocol.ts';
import { hasListenersOfPods, type Service, type ServicePort } from '../../mesh/service.ts';
import { listenerName } from '../names.ts';
import { cause } from '../origin.ts';
import type { Cause, Resource } from '../resource.ts';
import { addressesFor, type View } from '../view.ts';
import { anyAddresses } from './chain.ts';
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
  readonly chains: TcpChain[];
  readonly causes: Cause[];
}

export interface OutboundListeners {
  readonly listeners: ReadonlyMap<string, Resource>;
  /** The route tables they refer to, sorted. */
  readonly tables: readonly string[];
}

/** Every outbound listener that a view has. */
export function outboundListeners(view: View): OutboundListeners {
  const drafts = new Map<string, Draft>();
  for (const service of view.mesh.visibleServices(view.namespace)) {
    if (service.resolution === 'alias') continue;
    for (const port of service.ports) addPort(view, service, port, drafts);
  }
  const listeners = [...drafts.values()].map((draft) => portListener(draft, view));
  listeners.push(virtualOutbound(view));
  const tables = [...new Set([...drafts.values()].flatMap(({ table }) => table ?? []))].sort();
  return { listeners: new Map(listeners.map((listener) => [listener.name, listener])), tables };
}

/** Where a listener stands: on addresses of its own, or on all, where subnets tell services apart. */
interface Bind {
  readonly addresses: readonly string[];
  readonly subnets: readonly string[];
  readonly own: boolean;
}

function addPort(view: View, service: Service, port: ServicePort, drafts: Map<string, Draft>): void {
  const { protocol, number } = port;
  if (protocol === 'UDP') return;
  const everywhere: Bind = { addresses: anyAddresses(view.families), subnets: [], own: false };
  const binds = isHttp(protocol) ? [everywhere] : bindsOf(view, service, port, everywhere);
  for (const { addresses, subnets, own } of binds) {
    const draft = draftAt(drafts, addresses, number, protocol);
    if (!sharesPort(draft.protocol, protocol)) continue;
    // On an address of its own the first service stays alone.
    if (own && draft.chains.length > 0) continue;
    draft.causes.push(cause(service.object));
    if (isHttp(protocol)) draft.table ??= String(number);
    else {
      // What is detected on an address of its own has a table of its own.
      if (protocol === 'Auto') draft.table ??= own ? `${service.host}:${number}` : String(number);
      for (const chain of tcpChains(view, service, port, subnets, !own)) addChain(draft, chain);
    }
  }
}

function draftAt(drafts: Map<string, Draft>, addresses: readonly string[], port: number, protocol: Protocol): Draft {
  const name = listenerName(addresses[0] ?? '', port);
  const known = drafts.get(name);
  if (known !== undefined) return known;
  const made: Draft = { name, port, addresses, table: undefined, protocol, chains: [], causes: [] };
  drafts.set(name, made);
  return made;
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
  const addresses = addressesFor(view, service);
  const single = addresses.filter((address) => !address.includes('/'));
  const cidrs = addresses.filter((address) => address.includes('/'));
  const binds = (service.registry === 'External' ? single.map((address) => [address]) : single.length > 0 ? [single] : []).map(
    (own): Bind => ({ addresses: own, subnets: [], own: true }),
  );
  if (cidrs.length > 0) binds.push({ ...everywhere, subnets: cidrs });
  if (binds.length > 0) return binds;
  return hasListenersOfPods(service) ? podBinds(view, service, port) : [everywhere];
}

/** A headless service without pods needs no listener, and must not take the port from others. */
function podBinds(view: View, service: Service, port: ServicePort): Bind[] {
  const addresses = new Set(view.mesh.endpoints(service, port.number).value.map(({ address }) => address));
  return [...addresses]
    .filter((address) => isAddress(address) && (address.includes(':') ? view.families.v6 : view.families.v4))
    .map((address) => ({ addresses: [address], subnets: [], own: true }));
}

/** Workloads may be written with a name instead, which nobody can dial. */
const isAddress = (text: string): boolean => /^\d+\.\d+\.\d+\.\d+$|^[\da-f]*:[\da-f:.]*$/i.test(text);

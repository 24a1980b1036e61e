// The capture set of one workload as data: which packets go to the proxy, in Istio's order. nftables.ts and iptables.ts print it.

import { type CaptureOptions, ownPorts, type ProxySockets, tunnelPort } from './capture-options.ts';
import { type Cidr, isLoopback, parseCidr } from './cidr.ts';

/** Who owns the sending socket: one user, one group, or whoever set the mark. */
export type Owner = { readonly uid: number } | { readonly gid: number } | { readonly mark: number };

/** All that is given must hold. A range limits the rule to its family; without one a rule is for both. */
export interface Match {
  readonly inInterface?: string;
  readonly outInterface?: string;
  readonly from?: Cidr;
  readonly to?: Cidr;
  readonly notTo?: Cidr;
  readonly protocol?: 'tcp' | 'udp';
  /** Destination ports; need a protocol. */
  readonly ports?: readonly number[];
  readonly notPorts?: readonly number[];
  readonly by?: Owner;
  readonly notBy?: Owner;
}

export type ChainName = 'prerouting' | 'output' | 'inbound' | 'redirect-outbound' | 'redirect-inbound';

export type Verdict =
  | { readonly kind: 'return' }
  | { readonly kind: 'jump'; readonly chain: ChainName }
  | { readonly kind: 'redirect'; readonly port: number };

export interface Rule {
  readonly match: Match;
  readonly verdict: Verdict;
  /** Why the rule stands there: shown by `nft list ruleset`. */
  readonly why: string;
}

export interface Chain {
  readonly name: ChainName;
  /** The nat hook that enters here; the other chains are entered by jumps. */
  readonly hook?: 'prerouting' | 'output';
  readonly rules: readonly Rule[];
}

/** Chains, those jumped to before those that jump. Empty: nothing is captured. */
export type CaptureSet = readonly Chain[];

const range = (text: string): Cidr => {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new TypeError(`${text} is not an address range`);
  return cidr;
};

const localhost = [range('127.0.0.1/32'), range('::1/128')];

/** What the proxy's inbound side calls the application from, so that its calls are told from everybody else's. */
const innerSources = [range('127.0.0.6/32'), range('::6/128')];

const leave: Verdict = { kind: 'return' };
const jump = (chain: ChainName): Verdict => ({ kind: 'jump', chain });

/** The capture set for some options: the rows of reference/istio.md §4.2, in their order. */
export function captureSet(options: CaptureOptions): CaptureSet {
  if (options.mode === 'NONE') return [];
  return [
    { name: 'redirect-outbound', rules: [redirect('tcp', options.outboundPort, 'to the outbound listener')] },
    { name: 'redirect-inbound', rules: [redirect('tcp', options.inboundPort, 'to the inbound listener')] },
    { name: 'inbound', rules: inbound(options) },
    { name: 'prerouting', hook: 'prerouting', rules: prerouting(options) },
    { name: 'output', hook: 'output', rules: output(options) },
  ];
}

const redirect = (protocol: 'tcp' | 'udp', port: number, why: string): Rule => ({
  match: { protocol },
  verdict: { kind: 'redirect', port },
  why,
});

function prerouting({ excludeInterfaces, virtualInterfaces, includeOutboundCidrs }: CaptureOptions): Rule[] {
  const guests = virtualInterfaces.flatMap((inInterface): Rule[] => {
    const targets: Match[] = includeOutboundCidrs === '*' ? [{}] : includeOutboundCidrs.map((to) => ({ to }));
    return [
      ...targets.map((to) => ({
        match: { inInterface, ...to },
        verdict: jump('redirect-outbound'),
        why: 'what a guest sends is outbound',
      })),
      { match: { inInterface }, verdict: leave, why: 'the rest of a guest is not inbound' },
    ];
  });
  return [
    ...guests,
    ...excludeInterfaces.map((inInterface) => ({ match: { inInterface }, verdict: leave, why: 'excluded interface' })),
    { match: { protocol: 'tcp' }, verdict: jump('inbound'), why: 'what comes in' },
  ];
}

function inbound({ includeInboundPorts, excludeInboundPorts, probeSources }: CaptureOptions): Rule[] {
  const excluded = [...new Set([...ownPorts, ...excludeInboundPorts])];
  return [
    { match: { protocol: 'tcp', ports: [tunnelPort] }, verdict: leave, why: 'HBONE ends in the proxy by itself' },
    ...probeSources.map(({ address, ports }) => ({
      match: { from: address, protocol: 'tcp' as const, ...(ports.length > 0 && { ports }) },
      verdict: leave,
      why: 'health probes see the application itself',
    })),
    { match: { protocol: 'tcp', ports: excluded }, verdict: leave, why: 'excluded inbound ports, and the ports of the proxy' },
    ...(includeInboundPorts === '*'
      ? [{ match: {}, verdict: jump('redirect-inbound'), why: 'every other port' }]
      : onPorts('tcp', includeInboundPorts).map((match) => ({
          match,
          verdict: jump('redirect-inbound'),
          why: 'included inbound ports',
        }))),
  ];
}

function output(options: CaptureOptions): Rule[] {
  const { excludeInterfaces, excludeOutboundPorts, excludeOutboundCidrs, includeOutboundPorts, includeOutboundCidrs } = options;
  const to = (targets: readonly Cidr[], verdict: Verdict, why: string): Rule[] =>
    targets.map((cidr) => ({ match: { to: cidr }, verdict, why }));
  const capture = jump('redirect-outbound');
  return [
    ...excludeInterfaces.map((outInterface) => ({ match: { outInterface }, verdict: leave, why: 'excluded interface' })),
    ...(['tcp', 'udp'] as const).flatMap((protocol) =>
      onPorts(protocol, excludeOutboundPorts).map((match) => ({ match, verdict: leave, why: 'excluded outbound ports' })),
    ),
    ...innerSources.map((from) => ({
      match: { outInterface: 'lo', from },
      verdict: leave,
      why: 'the proxy calls its application',
    })),
    ...owners(options.proxy).flatMap((owner) => ownTraffic(owner, options)),
    ...dnsRules(options),
    ...to(localhost, leave, 'localhost'),
    ...to(excludeOutboundCidrs, leave, 'excluded range'),
    ...onPorts('tcp', includeOutboundPorts).map((match) => ({ match, verdict: capture, why: 'included outbound ports' })),
    ...(includeOutboundCidrs === '*'
      ? [{ match: {}, verdict: capture, why: 'every other address' }]
      : to(includeOutboundCidrs, capture, 'included range')),
  ];
}

const owners = (proxy: ProxySockets): Owner[] => ('mark' in proxy ? [proxy] : [{ uid: proxy.uid }, { gid: proxy.gid }]);

/** The three rules that tell the proxy's traffic from the application's, for one way of knowing the proxy. */
function ownTraffic(owner: Owner, { dns, includeOutboundCidrs }: CaptureOptions): Rule[] {
  const dnsPorts = dns === undefined ? [] : [53];
  // Istio leaves port 53 out of the first of the three for a uid, and not for a gid; a mark stands in for a uid.
  const passed = [...('gid' in owner ? [] : dnsPorts), tunnelPort];
  const rules: Rule[] = localhost.map((notTo) => ({
    match: { outInterface: 'lo', notTo, protocol: 'tcp', notPorts: passed, by: owner },
    verdict: jump('redirect-inbound'),
    why: 'the application calls its own service: from the outbound side to the inbound side',
  }));
  // Somebody who includes a loopback range wants it captured.
  if (includeOutboundCidrs === '*' || !includeOutboundCidrs.some(isLoopback)) {
    const notDns: Match = dns === undefined ? {} : { protocol: 'tcp', notPorts: dnsPorts };
    rules.push({ match: { outInterface: 'lo', ...notDns, notBy: owner }, verdict: leave, why: 'the application calls itself' });
  }
  rules.push({ match: { by: owner }, verdict: leave, why: 'traffic of the proxy itself' });
  return rules;
}

function dnsRules({ dns }: CaptureOptions): Rule[] {
  if (dns === undefined) return [];
  const targets: Match[] = dns.servers === '*' ? [{}] : dns.servers.map((to) => ({ to }));
  return (['udp', 'tcp'] as const).flatMap((protocol) =>
    targets.map((target) => ({
      match: { ...target, protocol, ports: [53] },
      verdict: { kind: 'redirect' as const, port: dns.port },
      why: 'names are resolved by the agent',
    })),
  );
}

/** One match for a list of ports, none for an empty list: a match without ports would mean every port. */
const onPorts = (protocol: 'tcp' | 'udp', ports: readonly number[]): Match[] => (ports.length === 0 ? [] : [{ protocol, ports }]);

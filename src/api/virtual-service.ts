// VirtualService: how requests for some hosts are routed (networking.istio.io). Read by mesh/route.

import type { Static } from 'typebox';
import { error, warning } from './finding.ts';
import { defineKind, type Check, type Finding } from './kind.ts';
import { isWildcardHost } from './names.ts';
import type { Path } from './object.ts';
import { list, message, text } from './schema.ts';
import { checkDestination, checkWeights } from './shared/destination-checks.ts';
import { documentOf, istioNetworking } from './shared/document.ts';
import { hostCovers } from './shared/hosts.ts';
import { checkCidr, checkExportTo, checkGatewayName, checkLabels, checkWildcardHost, each } from './shared/values.ts';
import { checkHttpRoute } from './virtual-service-http-checks.ts';
import { checkReachable } from './virtual-service-match-checks.ts';
import { HTTPRoute } from './virtual-service-http.ts';
import { TCPRoute, TLSRoute, type L4MatchAttributes, type TLSMatchAttributes } from './virtual-service-l4.ts';

export type * from './virtual-service-http.ts';
export type * from './virtual-service-l4.ts';

const Spec = message(
  {},
  {
    hosts: list(text),
    gateways: list(text),
    http: list(HTTPRoute),
    tls: list(TLSRoute),
    tcp: list(TCPRoute),
    exportTo: list(text),
  },
);

const schema = documentOf(Spec);
export type VirtualService = Static<typeof schema>;

/** The hosts: there unless others delegate here, each a name, and no two for the same requests. */
const hosts: Check<VirtualService> = ({ spec }) => {
  const given = spec.hosts ?? [];
  const path: Path = ['spec', 'hosts'];
  const findings = each(given, path, checkWildcardHost);
  if (given.includes('*') && isForMesh(spec.gateways)) {
    findings.push(
      error('LAT1117', path, 'the host * is only possible at gateways', 'name gateways other than mesh, or name hosts'),
    );
  }
  for (const [index, host] of given.entries()) {
    const other = given.slice(0, index).find((earlier) => hostCovers(earlier, host) || hostCovers(host, earlier));
    if (other === undefined || !isWildcardHost(host)) continue;
    findings.push(error('LAT1118', [...path, index], `${host} and ${other} name the same requests`, 'keep one of them'));
  }
  return findings;
};

const isForMesh = (gateways: readonly string[] | undefined): boolean =>
  (gateways ?? []).length === 0 || (gateways ?? []).includes('mesh');

/** Without hosts it is a delegate: part of another VirtualService, which has the hosts and gateways. */
const delegates: Check<VirtualService> = ({ spec }) => {
  if ((spec.hosts ?? []).length > 0) return [];
  const findings: Finding[] = [];
  for (const field of ['gateways', 'tls', 'tcp'] as const) {
    if ((spec[field] ?? []).length === 0) continue;
    const help = 'add hosts, or remove it if another VirtualService delegates to this one';
    findings.push(error('LAT1119', ['spec', field], `a VirtualService without hosts cannot have ${field}`, help));
  }
  return findings;
};

const rules: Check<VirtualService> = ({ spec }) => {
  const { gateways, http = [], tls = [], tcp = [] } = spec;
  if (http.length + tls.length + tcp.length === 0) {
    return [error('LAT1120', ['spec'], 'the VirtualService has no rule', 'give it http, tls or tcp')];
  }
  const isDelegate = (spec.hosts ?? []).length === 0;
  // Who follows a delegate, those say that hand over to it.
  const surroundings = { onlyGateways: isDelegate || !isForMesh(gateways), isDelegate };
  return [
    ...each(http, ['spec', 'http'], (route, path) => checkHttpRoute(route, path, surroundings)),
    ...checkReachable(http, ['spec', 'http']),
    ...each(tls, ['spec', 'tls'], (route, path) => [
      ...each(route.match, [...path, 'match'], (match, place) => [
        ...checkL4Match(match, place),
        ...each(match.sniHosts, [...place, 'sniHosts'], (host, at) => checkSniHost(host, at, spec.hosts ?? [])),
      ]),
      ...checkL4Route(route, path),
    ]),
    ...each(tcp, ['spec', 'tcp'], (route, path) => [
      ...each(route.match, [...path, 'match'], checkL4Match),
      ...checkL4Route(route, path),
    ]),
  ];
};

const checkL4Match = (match: L4MatchAttributes | TLSMatchAttributes, path: Path): Finding[] => [
  ...each(match.destinationSubnets, [...path, 'destinationSubnets'], checkCidr),
  ...('sourceSubnet' in match && match.sourceSubnet ? checkSourceSubnet(match.sourceSubnet, [...path, 'sourceSubnet']) : []),
  ...checkLabels(match.sourceLabels, [...path, 'sourceLabels']),
  ...each(match.gateways, [...path, 'gateways'], checkGatewayName),
];

/** Istio has the field and has never looked at it; a rule that began to would send other connections elsewhere. */
const checkSourceSubnet = (subnet: string, path: Path): Finding[] => [
  ...checkCidr(subnet, path),
  warning(
    'LAT1122',
    path,
    'has no effect, as in Istio: the rule is for callers at any address',
    'use sourceLabels or sourceNamespace',
  ),
];

function checkL4Route({ route = [] }: TLSRoute | TCPRoute, path: Path): Finding[] {
  if (route.length === 0) return [error('LAT1103', path, 'the rule does nothing', 'give it route')];
  return [
    ...each(route, [...path, 'route'], ({ destination }, place) => checkDestination(destination, [...place, 'destination'])),
    ...checkWeights(route, [...path, 'route']),
  ];
}

function checkSniHost(sniHost: string, path: Path, hosts: readonly string[]): Finding[] {
  const invalid = checkWildcardHost(sniHost, path);
  if (invalid.length > 0 || hosts.some((host) => hostCovers(host, sniHost))) return invalid;
  const help = `use hosts that lie within ${hosts.join(', ') || 'the hosts of the VirtualService'}`;
  return [error('LAT1121', path, `${sniHost} is not among the hosts of the VirtualService`, help)];
}

const names: Check<VirtualService> = ({ spec }) => [
  ...each(spec.gateways, ['spec', 'gateways'], checkGatewayName),
  ...checkExportTo(spec.exportTo, ['spec', 'exportTo']),
];

export const virtualService = defineKind({
  ...istioNetworking,
  kind: 'VirtualService',
  plural: 'virtualservices',
  shortNames: ['vs'],
  schema,
  checks: [hosts, delegates, rules, names],
  columns: [
    { name: 'Gateways', path: ['spec', 'gateways'] },
    { name: 'Hosts', path: ['spec', 'hosts'] },
  ],
  inEffect: true,
});

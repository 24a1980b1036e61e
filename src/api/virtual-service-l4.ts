// The TLS and TCP rules of a VirtualService: matched by SNI, address and port, sent on as a stream.

import type { Static } from 'typebox';
import { count, list, message, portNumber, text, textMap } from './schema.ts';
import { Destination } from './shared/destination.ts';

const l4Source = {
  destinationSubnets: list(text),
  port: portNumber,
  sourceLabels: textMap,
  sourceNamespace: text,
  gateways: list(text),
};

const L4MatchAttributes = message({}, { ...l4Source, sourceSubnet: text });
export type L4MatchAttributes = Static<typeof L4MatchAttributes>;

const TLSMatchAttributes = message({ sniHosts: list(text, { minItems: 1 }) }, l4Source);
export type TLSMatchAttributes = Static<typeof TLSMatchAttributes>;

const RouteDestination = message({ destination: Destination }, { weight: count });
export type RouteDestination = Static<typeof RouteDestination>;

export const TLSRoute = message({ match: list(TLSMatchAttributes, { minItems: 1 }) }, { route: list(RouteDestination) });
export type TLSRoute = Static<typeof TLSRoute>;

export const TCPRoute = message({}, { match: list(L4MatchAttributes), route: list(RouteDestination) });
export type TCPRoute = Static<typeof TCPRoute>;

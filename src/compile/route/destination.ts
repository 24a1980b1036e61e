// Where a rule's destination leads for a view: the cluster, and what its policy asks of the route.

import type { Init } from '../../filters/any.ts';
import type { RouteAction_HashPolicySchema } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { TrafficPolicy } from '../../api/shared/traffic-policy.ts';
import type { Announcement } from '../../filters/alpn.ts';
import { duration } from '../../filters/duration.ts';
import { milliseconds } from '../../lib/duration.ts';
import type { Destination } from '../../mesh/route.ts';
import { portNumbered, type Service } from '../../mesh/service.ts';
import { outboundCluster } from '../names.ts';
import { destinationPort, destinationService, destinationSettings, type View } from '../view.ts';
import type { ResolvedDestination } from './action.ts';
import { upstreamCodec } from './upstream-codec.ts';

type HashPolicy = Init<typeof RouteAction_HashPolicySchema>;

/**
 * Resolves an HTTP destination. `asked` is the port of the table it stands in. A sidecar's table knows only the services of its own
 * port: there a destination elsewhere must say its port (Istio's rule); gateways know all.
 */
export function resolveDestination(view: View, destination: Destination, asked: number): ResolvedDestination {
  const service = destinationService(view, destination.host);
  const port = view.role === 'router' ? destinationPort(destination, service, asked) : (destination.port ?? asked);
  const cluster = outboundCluster(port, destination.subset, service?.host ?? destination.host);
  if (service === undefined) return { cluster, announcement: undefined, hashPolicy: [] };
  const settings = destinationSettings(view, service, port, destination.subset);
  return {
    cluster,
    announcement: announcementFor(view, service, port, settings),
    hashPolicy: hashPolicies(settings),
    dynamicPort: dynamicPort(service, port),
  };
}

/** Where hosts of a service are looked up as they are called: the port at which each of them is. */
export function dynamicPort(service: Service | undefined, number: number): number | undefined {
  if (service?.resolution !== 'dynamic') return undefined;
  const target = portNumbered(service, number)?.targetPort;
  return typeof target === 'number' ? target : number;
}

/** Where bytes to a destination go. All services are known here, so one with a single port needs no port in the rule. */
export function connectionTarget(
  view: View,
  destination: Destination,
  asked: number,
): { readonly cluster: string; readonly settings: TrafficPolicy | undefined; readonly dynamicPort: number | undefined } {
  const service = destinationService(view, destination.host);
  const port = destinationPort(destination, service, asked);
  return {
    cluster: outboundCluster(port, destination.subset, service?.host ?? destination.host),
    settings: service && destinationSettings(view, service, port, destination.subset),
    dynamicPort: dynamicPort(service, port),
  };
}

/** HTTP/1.1 inside mutual TLS is what every chain announces; only what differs is said. */
function announcementFor(view: View, service: Service, number: number, settings: TrafficPolicy): Announcement | undefined {
  const { mode } = settings.tls ?? {};
  // The application's own TLS: nothing of the mesh's names may be offered.
  if (mode === 'SIMPLE' || mode === 'MUTUAL') return 'none';
  const port = portNumbered(service, number);
  if (port === undefined) return undefined;
  const codec = upstreamCodec(port, settings, view.mesh.config, view.role === 'router');
  return codec === 'http1' ? undefined : codec;
}

function hashPolicies({ loadBalancer }: TrafficPolicy): HashPolicy[] {
  const hash = loadBalancer?.consistentHash;
  if (hash === undefined) return [];
  if (hash.httpHeaderName) return [{ policySpecifier: { case: 'header', value: { headerName: hash.httpHeaderName } } }];
  if (hash.httpQueryParameterName)
    return [{ policySpecifier: { case: 'queryParameter', value: { name: hash.httpQueryParameterName } } }];
  if (hash.useSourceIp) return [{ policySpecifier: { case: 'connectionProperties', value: { sourceIp: true } } }];
  const cookie = hash.httpCookie;
  if (cookie === undefined) return [];
  return [
    {
      policySpecifier: {
        case: 'cookie',
        value: {
          name: cookie.name,
          path: cookie.path ?? '',
          ...(cookie.ttl !== undefined && { ttl: duration(milliseconds(cookie.ttl)) }),
          attributes: (cookie.attributes ?? []).map(({ name, value }) => ({ name, value: value ?? '' })),
        },
      },
    },
  ];
}

/** A text that differs where destinations do: part of the keys of shared virtual hosts. */
export function destinationText({ cluster, announcement, hashPolicy, dynamicPort: port = 0 }: ResolvedDestination): string {
  const hash =
    hashPolicy.length === 0
      ? ''
      : JSON.stringify(hashPolicy, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return `${cluster}>${announcement ?? ''}>${port}>${hash}`;
}

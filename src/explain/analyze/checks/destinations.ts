// Ports of destinations: ones that the service does not have, and ones that a rule must say and does not.

import { diagnose, type Diagnostic } from '../../../api/diagnostic.ts';
import type { Path } from '../../../api/object.ts';
import { destinationService } from '../../../compile/view.ts';
import { isHttpOrAuto } from '../../../mesh/protocol.ts';
import type { Destination, HttpRule, Route, SourceMatch } from '../../../mesh/route.ts';
import { portNumbered, type Service } from '../../../mesh/service.ts';
import type { AnalysisContext } from '../context.ts';

export const destinationPorts = (context: AnalysisContext): Diagnostic[] =>
  context.mesh.routes
    .all()
    .flatMap((route) => [
      ...route.http.flatMap((rule) =>
        httpDestinations(rule).flatMap(({ destination, path }) => [
          ...missingPort(context, route, rule.object, destination, path),
          ...unsaidPort(context, route, rule, destination, path),
        ]),
      ),
      ...[...route.tls, ...route.tcp].flatMap(({ destinations, path }) =>
        destinations.flatMap(({ destination }, index) =>
          missingPort(context, route, route.object, destination, [...path, 'route', index, 'destination']),
        ),
      ),
    ]);

interface Placed {
  readonly destination: Destination;
  readonly path: Path;
}

const httpDestinations = ({ action, mirrors, path }: HttpRule): Placed[] => [
  ...(action.kind === 'forward'
    ? action.destinations.map(({ destination }, index) => ({ destination, path: [...path, 'route', index, 'destination'] }))
    : []),
  ...mirrors.map(({ destination }) => ({ destination, path: [...path, 'mirror'] })),
];

function serviceOf({ mesh }: AnalysisContext, route: Route, { host }: Destination): Service | undefined {
  return destinationService({ mesh, namespace: mesh.outlook(route.namespace), scope: undefined, egress: undefined }, host);
}

const portsText = ({ ports }: Service): string => ports.map(({ number }) => number).join(', ');

function missingPort(
  context: AnalysisContext,
  route: Route,
  object: Route['object'],
  destination: Destination,
  path: Path,
): Diagnostic[] {
  const service = serviceOf(context, route, destination);
  if (service === undefined || destination.port === undefined || portNumbered(service, destination.port) !== undefined) return [];
  // An entry without ports takes those that are called.
  if (service.ports.length === 0) return [];
  return [
    diagnose(object, [...path, 'port'], {
      code: 'IST0101',
      severity: 'error',
      message: `${service.host} has no port ${destination.port}`,
      help: `its ports are: ${portsText(service)}`,
    }),
  ];
}

function unsaidPort(context: AnalysisContext, route: Route, rule: HttpRule, destination: Destination, path: Path): Diagnostic[] {
  const service = serviceOf(context, route, destination);
  if (service === undefined || destination.port !== undefined || service.ports.length === 0) return [];
  const [first] = askedPorts(context, route, rule, service).filter((port) => portNumbered(service, port) === undefined);
  if (first === undefined) return [];
  return [
    diagnose(rule.object, path, {
      code: 'IST0112',
      severity: 'error',
      message: `says no port, so requests for port ${first} are sent to port ${first} of ${service.host}, which has ${portsText(service)}`,
      help: 'give the destination a port',
    }),
  ];
}

/** The ports at which requests come to a rule: those of its hosts' services, and of its gateways' servers. */
function askedPorts({ mesh }: AnalysisContext, route: Route, rule: HttpRule, service: Service): number[] {
  const named = (match: SourceMatch): readonly string[] => (match.gateways.length > 0 ? match.gateways : route.gateways);
  const allowed = (gateway: string, port: number): boolean =>
    rule.matches.length === 0 ||
    rule.matches.some((match) => (match.port === undefined || match.port === port) && named(match).includes(gateway));
  return route.gateways.flatMap((gateway) => {
    if (gateway !== 'mesh') {
      // Where all services are known, one with a single port needs no port in the rule.
      if (service.ports.length === 1) return [];
      return (mesh.gateway(gateway)?.servers ?? [])
        .map(({ server }) => server.port.number)
        .filter((port) => allowed(gateway, port));
    }
    return route.hosts
      .flatMap((host) => mesh.servicesAt(host))
      .flatMap(({ ports }) => ports.filter(({ protocol }) => isHttpOrAuto(protocol)).map(({ number }) => number))
      .filter((port) => allowed('mesh', port));
  });
}

// What is wrong between objects: references to nothing, two objects for one host, what is accepted and not yet done. Said with
// Istio's codes; a rule keeps its place, and requests fail only for what is missing.

import { diagnose, type Diagnostic } from '../api/diagnostic.ts';
import { refOf, refText, type Path } from '../api/object.ts';
import { familyBy } from '../store/family.ts';
import { isIpAddress } from '../lib/ip-range.ts';
import { hostNamePath } from '../mesh/gateway-service.ts';
import { isWildcard } from '../mesh/hostname.ts';
import { matchesLabels } from '../mesh/labels.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { DestinationPolicy } from '../mesh/destination-policy.ts';
import type { Destination, Route } from '../mesh/route.ts';
import type { Service } from '../mesh/service.ts';
import { admitsRoute } from '../mesh/scope.ts';
import { isVisible } from '../mesh/visibility.ts';
import type { Workload } from '../mesh/workload.ts';
import { isListable, isLookedUp } from './endpoint.ts';
import { identityOf } from './identity.ts';
import { leftOutDiagnostic } from './left-out.ts';
import { hasRuleFor } from './route/http-rules.ts';
import { destinationService, policyFor, viewText, type View } from './view.ts';

/** What is wrong with the objects that a view's proxies follow; objects for others are others' to report. */
export const meshDiagnostics = (view: View): readonly Diagnostic[] => cells(view).value;

type Problem = Pick<Diagnostic, 'code' | 'severity' | 'message' | 'help'>;

const cells = familyBy(viewText, (view: View): readonly Diagnostic[] => {
  const routes = view.mesh.routes
    .all()
    .filter((route) => isVisible(route.visibility, view.namespace) && admitsRoute(view, route) && concerns(view, route));
  const policies = view.mesh.policies.all().filter(({ visibility }) => isVisible(visibility, view.namespace));
  return [
    ...routes.flatMap((route) => routeDiagnostics(view, route)),
    ...(view.role === 'sidecar' ? hostConflicts(view) : []),
    ...policies.flatMap((policy) => policyDiagnostics(view, policy)),
    ...gatewayNames(view.mesh),
    ...entryAddresses(view.mesh).value,
  ];
});

/**
 * Sidecars follow the rules of the mesh, gateways those of Gateways; a rule for a Gateway that is nowhere everyone reports, and
 * what a delegate says, whom others bring to either.
 */
function concerns(view: View, { gateways, hosts }: Route): boolean {
  if (hosts.length === 0) return true;
  if (gateways.some((gateway) => gateway !== 'mesh' && view.mesh.gateway(gateway) === undefined)) return true;
  return view.role === 'sidecar' ? gateways.includes('mesh') : gateways.some((gateway) => gateway !== 'mesh');
}

function routeDiagnostics(view: View, route: Route): Diagnostic[] {
  // References are resolved as the object's own namespace sees them.
  const home: View = { ...view, namespace: view.mesh.outlook(route.namespace), scope: undefined, egress: undefined };
  const found: Diagnostic[] = [];
  const check = (destination: Destination, path: Path) => {
    const problem = missing(home, destination);
    if (problem !== undefined) found.push(diagnose(route.object, path, problem));
  };
  for (const rule of route.http.filter(({ object }) => object === route.object)) {
    if (rule.action.kind === 'forward') {
      for (const [index, { destination }] of rule.action.destinations.entries()) {
        check(destination, [...rule.path, 'route', index, 'destination']);
      }
    }
    for (const { destination } of rule.mirrors) check(destination, [...rule.path, 'mirror']);
  }
  for (const rule of [...route.tls, ...route.tcp]) {
    for (const [index, { destination }] of rule.destinations.entries()) {
      check(destination, [...rule.path, 'route', index, 'destination']);
    }
  }
  for (const gateway of route.gateways) {
    if (gateway === 'mesh' || view.mesh.gateway(gateway) !== undefined) continue;
    found.push(
      diagnose(route.object, ['spec', 'gateways'], {
        code: 'IST0101',
        severity: 'error',
        message: `gateway ${gateway} does not exist`,
        help: 'create the Gateway, or correct its name (a bare name means the same namespace)',
      }),
    );
  }
  return [...found, ...route.leftOut.map(leftOutDiagnostic)];
}

/** Gateways between networks that only DNS knows: listed endpoints are addresses. */
function gatewayNames(mesh: Mesh): Diagnostic[] {
  return [...mesh.clusters].flatMap((cluster) =>
    cluster.gateways().flatMap(({ service, gateways }) =>
      [...new Set(gateways.map(({ address }) => address))]
        .filter((address) => !isIpAddress(address))
        .map((address) =>
          diagnose(service.object, hostNamePath(service, address), {
            code: 'LAT0301',
            severity: 'warning',
            message: `the gateway of its network is known by the name ${address} only; endpoints there are called directly`,
            help: 'give the Service an IP address, or name one as a gateway in MeshNetworks',
          }),
        ),
    ),
  );
}

/** Selected entries with an address that a service has no use for: a name where nobody looks names up, a socket where they are. */
const entryAddresses = familyBy(
  (mesh: Mesh) => `${identityOf(mesh)}`,
  (mesh): readonly Diagnostic[] =>
    [...mesh.clusters].flatMap((cluster) =>
      cluster
        .entries()
        .filter(({ addresses: [address = ''] }) => address !== '' && !isIpAddress(address))
        .flatMap((entry) =>
          mesh
            .servicesIn(entry.namespace)
            .filter(({ selector }) => selector !== undefined && matchesLabels(selector, entry.labels))
            .flatMap((service) => uselessAddress(entry, service)),
        ),
    ),
);

function uselessAddress({ object, addresses: [address = ''] }: Workload, service: Service): Diagnostic[] {
  const looksUp = service.resolution === 'dns' || service.resolution === 'dns-one';
  if ((looksUp ? isLookedUp : isListable)({ address })) return [];
  const name = refText(refOf(service.object));
  return [
    diagnose(object, ['spec', 'address'], {
      code: 'LAT1407',
      severity: 'warning',
      message: looksUp
        ? `${address} is a socket, and ${name} takes names and addresses only: it is left out there`
        : `${address} is a name, and ${name} takes addresses only: it is left out there`,
      help: `give its IP address, or select it by a ServiceEntry of resolution ${looksUp ? 'STATIC' : 'DNS'}`,
    }),
  ];
}

function missing(view: View, { host, subset }: Destination): Problem | undefined {
  if (isWildcard(host)) return undefined;
  const service = destinationService(view, host);
  if (service === undefined) {
    return {
      code: 'IST0101',
      severity: 'error',
      message: `host ${host} is no service that this namespace sees`,
      help: 'create the Service or ServiceEntry, or correct the host; until then requests to it get 503',
    };
  }
  if (subset === '') return undefined;
  const policy = policyFor(view, service.host, service.namespace);
  if (policy?.subsets.some(({ name }) => name === subset)) return undefined;
  return {
    code: 'IST0101',
    severity: 'error',
    message: `subset ${subset} of ${service.host} is not defined by any DestinationRule`,
    help: 'define the subset in a DestinationRule for the host; until then requests to it get 503',
  };
}

/**
 * Of several objects with HTTP rules for one host sidecars follow the first that has any for them. What an object says of other
 * callers, or of one port, leaves the host to others.
 */
function hostConflicts(view: View): Diagnostic[] {
  const audience = { namespace: view.namespace, labels: view.labels, gateways: ['mesh'], port: anyPort };
  const first = new Map<string, Route>();
  return view.mesh
    .sidecarRules(view)
    .filter((route) => hasRuleFor(route, audience))
    .flatMap((route) =>
      route.hosts.flatMap((host, index): Diagnostic[] => {
        const other = first.get(host);
        if (other === undefined) first.set(host, route);
        if (other === undefined || other === route) return [];
        return [
          diagnose(route.object, ['spec', 'hosts', index], {
            code: 'IST0109',
            severity: 'error',
            message: `host ${host} has the rules of ${refText(refOf(other.object))} already: sidecars do not follow this object's`,
            help: 'put the rules for a host into one VirtualService',
          }),
        ];
      }),
    );
}

/** No port of a match. */
const anyPort = 0;

function policyDiagnostics(view: View, { host, namespace, objects }: DestinationPolicy): Diagnostic[] {
  const [object] = objects;
  const home: View = { ...view, namespace: view.mesh.outlook(namespace), scope: undefined, egress: undefined };
  if (object === undefined || isWildcard(host) || destinationService(home, host) !== undefined) return [];
  return [
    diagnose(object, ['spec', 'host'], {
      code: 'IST0174',
      severity: 'warning',
      message: `host ${host} is no service that this namespace sees: the rule is for nothing`,
      help: 'create the Service or ServiceEntry, or correct the host (a bare name means the same namespace)',
    }),
  ];
}

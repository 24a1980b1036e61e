// References to nothing: rules that send to a service or subset that is not there, gateways that no proxy or object has. Said
// with Istio's code; the rule keeps its place, and requests fail only for what is missing.

import { diagnose, type Diagnostic } from '../api/diagnostic.ts';
import type { Path } from '../api/object.ts';
import { familyBy } from '../store/family.ts';
import { isWildcard } from '../mesh/hostname.ts';
import type { Destination, Route } from '../mesh/route.ts';
import { destinationService, policyFor, viewText, type View } from './view.ts';

/** What is wrong with the references of the objects that a view sees. */
export const meshDiagnostics = (view: View): readonly Diagnostic[] => cells(view).value;

const cells = familyBy(viewText, (view: View): readonly Diagnostic[] => view.mesh.routes.all().flatMap((route) => routeDiagnostics(view, route)));

function routeDiagnostics(view: View, route: Route): Diagnostic[] {
  // References are resolved as the object's own namespace sees them.
  const home: View = { ...view, namespace: view.mesh.outlook(route.namespace) };
  const found: Diagnostic[] = [];
  const check = (destination: Destination, path: Path) => {
    const problem = missing(home, destination);
    if (problem !== undefined) found.push(diagnose(route.object, path, problem));
  };
  for (const rule of route.http) {
    if (rule.action.kind === 'forward') {
      for (const [index, { destination }] of rule.action.destinations.entries()) check(destination, [...rule.path, 'route', index, 'destination']);
    }
    for (const { destination } of rule.mirrors) check(destination, [...rule.path, 'mirror']);
  }
  for (const rule of [...route.tls, ...route.tcp]) {
    for (const [index, { destination }] of rule.destinations.entries()) check(destination, [...rule.path, 'route', index, 'destination']);
  }
  for (const gateway of route.gateways) {
    if (gateway === 'mesh' || view.mesh.hasGateway(gateway)) continue;
    found.push(
      diagnose(route.object, ['spec', 'gateways'], {
        code: 'IST0101',
        severity: 'error',
        message: `gateway ${gateway} does not exist`,
        help: 'create the Gateway, or correct its name (a bare name means the same namespace)',
      }),
    );
  }
  return found;
}

function missing(view: View, { host, subset }: Destination): Pick<Diagnostic, 'code' | 'severity' | 'message' | 'help'> | undefined {
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

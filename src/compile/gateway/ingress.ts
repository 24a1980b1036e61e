// What is wrong between Ingresses and other objects: classes and services that are not there.

import { diagnose, type Diagnostic } from '../../api/diagnostic.ts';
import type { Ingress, IngressBackend } from '../../api/ingress.ts';
import type { ApiObject } from '../../api/object.ts';
import type { IngressService } from '../../mesh/ingress.ts';
import { ingressPaths } from '../../mesh/ingress.ts';
import type { Mesh } from '../../mesh/mesh.ts';

/** Every gateway says it of all Ingresses: one that nobody serves is nobody's in particular. */
export const ingressDiagnostics = (mesh: Mesh): Diagnostic[] =>
  mesh.ingresses
    .all()
    .flatMap(({ object, service }) => [
      ...unserved(object, service),
      ...(service === 'served' ? missingBackends(mesh, object) : []),
    ]);

function unserved(object: ApiObject<Ingress>, service: IngressService): Diagnostic[] {
  if (service === 'no class') {
    return [
      diagnose(object, ['spec'], {
        code: 'LAT0206',
        severity: 'info',
        message: 'the Ingress has no class, so gateways do not serve it',
        help: 'name an IngressClass in ingressClassName, or let ingressControllerMode of the mesh be DEFAULT',
      }),
    ];
  }
  if (service !== 'unknown class') return [];
  return [
    diagnose(object, ['spec', 'ingressClassName'], {
      code: 'IST0101',
      severity: 'warning',
      message: `IngressClass ${object.body.spec?.ingressClassName} does not exist: gateways do not serve the Ingress`,
      help: 'create it, with controller istio.io/ingress-controller',
    }),
  ];
}

/** A backend that is named twice, by hosts that share the default one, is told of once. */
function missingBackends(mesh: Mesh, object: ApiObject<Ingress>): Diagnostic[] {
  const places = new Map(ingressPaths(object).map((place) => [place.at, place]));
  return [...places.values()].flatMap(({ backend, path, at }) => {
    const message = missing(mesh, object.metadata.namespace, backend);
    if (message === undefined) return [];
    const help = 'create it, or correct the backend';
    return [
      diagnose(object, path === undefined ? at : [...at, 'backend'], { code: 'IST0101', severity: 'error', message, help }),
    ];
  });
}

function missing(mesh: Mesh, namespace: string, { service }: IngressBackend): string | undefined {
  if (service === undefined) return undefined;
  const found = mesh
    .servicesAt(`${service.name}.${namespace}.svc.${mesh.domain}`)
    .find(({ registry }) => registry === 'Kubernetes');
  if (found === undefined) return `Service ${service.name} does not exist: requests for it are not served`;
  const { name, number } = service.port ?? {};
  if (found.ports.some((port) => (number === undefined ? port.name === name : port.number === number))) return undefined;
  return `Service ${service.name} has no port ${number ?? name}: requests for it are not served`;
}

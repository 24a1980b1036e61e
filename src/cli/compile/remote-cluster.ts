// What the objects of a remote cluster cannot do: the mesh is configured by the primary's alone, and whoever wrote them hears of it.

import type { Diagnostic } from '../../api/diagnostic.ts';
import { groupOf, refOf, type ApiObject } from '../../api/object.ts';

/** Istio's and the Gateway API's objects, and Ingresses, all but WorkloadEntries: these are workloads. */
const configures = ({ apiVersion, kind }: ApiObject): boolean =>
  (/(?:^|\.)(?:istio\.io|gateway\.networking\.k8s\.io)$/.test(groupOf(apiVersion)) && kind !== 'WorkloadEntry') ||
  kind === 'Ingress';

export const configuresNothing = (cluster: string, objects: readonly ApiObject[]): Diagnostic[] =>
  objects.filter(configures).map((object) => ({
    code: 'LAT0105',
    severity: 'info',
    object: refOf(object),
    path: [],
    message: `the mesh does not take its configuration from cluster ${cluster}; this object is left out`,
    help: 'apply it in the primary cluster as well',
    file: object.origin.source,
    ...object.origin.position([]),
  }));

// Whether a pod gets a proxy, of what kind, and which labels that gives it. Read by the controllers and by pod.ts.

import type { ApiObject } from '../api/object.ts';
import type { OwnerReference } from './kubernetes.ts';

export type MeshRole = 'sidecar' | 'router' | 'none';

interface Meta {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const inject = 'sidecar.istio.io/inject';

/**
 * On the laptop every pod is meshed, without a label on its namespace, unless the pod or else its namespace says no. The pod's
 * label wins over its annotation, as with Istio. The `gateway` template makes a pod whose only program is Envoy.
 */
export function meshRole(pod: Meta, namespace: Pick<ApiObject, 'metadata'> | undefined): MeshRole {
  const said = pod.labels[inject] ?? pod.annotations[inject];
  if (said === 'false') return 'none';
  if (said !== 'true' && namespace?.metadata.labels['istio-injection'] === 'disabled') return 'none';
  const templates = (pod.annotations['inject.istio.io/templates'] ?? '').split(',').map((name) => name.trim());
  return templates.includes('gateway') ? 'router' : 'sidecar';
}

/**
 * The labels that Istio's injector adds, the manifest's own winning. Callers begin mutual TLS by themselves only where a sidecar is: what
 * a gateway's ports take its Gateways say.
 */
export function meshLabels(labels: Readonly<Record<string, string>>, role: MeshRole, workload: string): Record<string, string> {
  if (role === 'none') return { ...labels };
  return {
    ...(role === 'sidecar' && { 'security.istio.io/tlsMode': 'istio' }),
    'service.istio.io/canonical-name': labels['app.kubernetes.io/name'] ?? labels['app'] ?? workload,
    'service.istio.io/canonical-revision': labels['app.kubernetes.io/version'] ?? labels['version'] ?? 'latest',
    ...labels,
  };
}

/** The name of the workload that a pod belongs to: its owner's, or its own. */
export const workloadName = (owner: OwnerReference | undefined, pod: string): string => owner?.name ?? pod;

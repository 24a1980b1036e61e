// The node that the proxy of a workload would send, from its Pod, or from the template of what makes its pods. For whoever asks about
// a workload with nothing running.

import { decode } from '../api/decode.ts';
import type { ApiObject } from '../api/object.ts';
import type { ProxyNode } from '../compile/configuration.ts';
import { parseNode } from '../compile/node.ts';
import { networkLabel, type Labels } from '../mesh/labels.ts';

export interface WorkloadProxy {
  readonly node: ProxyNode;
  /** The pod that a template would make, where the input has no Pod itself. */
  readonly pod: ApiObject | undefined;
}

interface Template {
  readonly metadata?: { readonly labels?: Labels; readonly annotations?: Labels };
  readonly spec?: { readonly serviceAccountName?: string };
}

/** Stands for the address of a pod that has none yet; from the range that documents use, so that no real endpoint has it. */
const noAddress = '192.0.2.1';

/** Whether an object runs: a Pod, or what makes pods. */
export const isWorkload = ({ kind, apiVersion }: ApiObject): boolean =>
  kind === 'Pod' ? apiVersion === 'v1' : (kind === 'Deployment' || kind === 'StatefulSet') && apiVersion === 'apps/v1';

/** The proxy of a Pod, Deployment or StatefulSet; undefined where its template is not valid. */
export function proxyOfWorkload(object: ApiObject, domain: string): WorkloadProxy | undefined {
  if (object.kind === 'Pod') return { node: nodeOf(object, domain), pod: undefined };
  const pod = podOf(object);
  return pod && { node: nodeOf(pod, domain), pod };
}

/** The pod that a template makes, under the name of its owner. */
export function podOf(owner: ApiObject): ApiObject | undefined {
  const { name, namespace } = owner.metadata;
  const { template = {} } = (owner.body['spec'] ?? {}) as { template?: Template };
  const document = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...template.metadata, name, namespace },
    spec: template.spec ?? {},
  };
  return decode(document, owner.origin).object;
}

function nodeOf(pod: ApiObject, domain: string): ProxyNode {
  const { name, namespace, labels, annotations } = pod.metadata;
  const { spec, status } = pod.body as {
    spec?: { serviceAccountName?: string };
    status?: { podIP?: string; podIPs?: { ip: string }[] };
  };
  const addresses = status?.podIPs?.map(({ ip }) => ip) ?? [status?.podIP ?? noAddress];
  const type = isGateway(labels, annotations) ? 'router' : 'sidecar';
  const node = parseNode({
    id: `${type}~${addresses[0] ?? noAddress}~${name}.${namespace}~${namespace}.svc.${domain}`,
    metadata: {
      NAME: name,
      NAMESPACE: namespace,
      LABELS: labels,
      ANNOTATIONS: annotations,
      // Injection writes it down, as far as the pod says it.
      ...(labels[networkLabel] !== undefined && { NETWORK: labels[networkLabel] }),
      SERVICE_ACCOUNT: spec?.serviceAccountName ?? 'default',
      INSTANCE_IPS: addresses.join(','),
    },
  });
  if (typeof node === 'string') throw new Error(node);
  return node;
}

/** Istio's own charts and its injection template for gateways say it so. */
export const isGateway = (labels: Labels, annotations: Labels): boolean =>
  /^(?:ingress|egress|eastwest)gateway$/.test(labels['istio'] ?? '') ||
  labels['gateway.networking.k8s.io/gateway-name'] !== undefined ||
  annotations['inject.istio.io/templates'] === 'gateway';

// The node that the proxy of a workload would send, from its Pod, or from its Deployment's or StatefulSet's template. For
// `compile --workload`, and for `validate`, which asks for all of them.

import { decode } from '../../api/decode.ts';
import type { ApiObject } from '../../api/object.ts';
import { parseNode } from '../../compile/node.ts';
import type { ProxyNode } from '../../compile/configuration.ts';
import { findPods, podName, type PodName } from '../../control/workloads.ts';
import { networkLabel } from '../../mesh/labels.ts';
import { Failure } from '../failure.ts';

export interface WorkloadProxy {
  readonly node: ProxyNode;
  /** The pod that a template would make, where the input has no Pod itself. */
  readonly pod: ApiObject | undefined;
}

interface Template {
  readonly metadata?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: { readonly serviceAccountName?: string };
}

/** Stands for the address of a pod that has none yet; from the range that documents use, so that no real endpoint has it. */
const noAddress = '192.0.2.1';

interface Workload extends PodName {
  readonly object: ApiObject;
}

function workloadsIn(objects: readonly ApiObject[]): Workload[] {
  const pods = objects.filter(({ kind, apiVersion }) => kind === 'Pod' && apiVersion === 'v1');
  const templates = objects.filter(
    ({ kind, apiVersion }) => (kind === 'Deployment' || kind === 'StatefulSet') && apiVersion === 'apps/v1',
  );
  return [
    ...pods.map((object) => ({ ...podName(object), object })),
    ...templates.map((object) => {
      const { name, namespace } = object.metadata;
      return {
        namespace,
        name,
        workload: name,
        kind: object.kind === 'StatefulSet' ? ('StatefulSet' as const) : ('Deployment' as const),
        object,
      };
    }),
  ];
}

/** Whether the workload that a person names is among these objects. */
export const hasWorkload = (objects: readonly ApiObject[], text: string): boolean =>
  'pods' in findPods(workloadsIn(objects), text);

/** The proxy of the workload that a person names. Throws `Failure` where there is none, or its template is not valid. */
export function workloadProxy(objects: readonly ApiObject[], text: string, domain: string): WorkloadProxy {
  const names = workloadsIn(objects);
  const found = findPods(names, text);
  if ('message' in found) throw new Failure(found.message, found.help);
  // A real pod before the template that made it: it has addresses.
  const chosen = names
    .filter((name) => found.pods.includes(name))
    .sort((a, b) => Number(b.object.kind === 'Pod') - Number(a.object.kind === 'Pod'))[0];
  if (chosen === undefined) throw new Failure(`no workload ${text}`);
  const proxy = proxyOf(chosen, domain);
  if (proxy === undefined)
    throw new Failure(`the pod template of ${chosen.object.kind} ${chosen.name} is not valid`, 'lateen validate says why');
  return proxy;
}

/** The nodes of all workloads; one whose template is not valid has none. */
export const workloadNodes = (objects: readonly ApiObject[], domain: string): ProxyNode[] =>
  workloadsIn(objects).flatMap((workload) => proxyOf(workload, domain)?.node ?? []);

function proxyOf({ object }: Workload, domain: string): WorkloadProxy | undefined {
  if (object.kind === 'Pod') return { node: nodeOf(object, domain), pod: undefined };
  const pod = podOf(object);
  return pod && { node: nodeOf(pod, domain), pod };
}

function podOf(owner: ApiObject): ApiObject | undefined {
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
  if (typeof node === 'string') throw new Failure(node);
  return node;
}

/** Istio's own charts and its injection template for gateways say it so. */
const isGateway = (labels: Readonly<Record<string, string>>, annotations: Readonly<Record<string, string>>): boolean =>
  /^(?:ingress|egress|eastwest)gateway$/.test(labels['istio'] ?? '') ||
  labels['gateway.networking.k8s.io/gateway-name'] !== undefined ||
  annotations['inject.istio.io/templates'] === 'gateway';

// What the checks of a whole mesh look at: its normal form, its objects by kind, and all that runs in it.

import { groupOf, type ApiObject } from '../../api/object.ts';
import { kindId } from '../../api/kind.ts';
import { meshOf } from '../../compile/compile.ts';
import type { Pod } from '../../api/pod.ts';
import { matchesLabels, type Labels } from '../../mesh/labels.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import { entryWorkload, podWorkload } from '../../mesh/workload.ts';
import type { WorkloadEntry } from '../../api/workload-entry.ts';
import type { WorkloadGroup } from '../../api/workload-group.ts';
import type { Store } from '../../store/store.ts';
import { isGateway, isWorkload, podOf } from '../workload-node.ts';
import type { AnalysisInput } from './input.ts';

/** Something that runs, or that pods are made from. */
export interface KnownWorkload {
  readonly namespace: string;
  readonly labels: Labels;
  readonly serviceAccount: string;
  /** Its proxy is a gateway. */
  readonly gateway: boolean;
  /** Absent where a kind makes it that Lateen does not read. */
  readonly object?: ApiObject;
  /** The pod, or the one that a template makes. */
  readonly pod?: ApiObject<Pod>;
}

export interface AnalysisContext {
  readonly mesh: Mesh;
  readonly input: AnalysisInput;
  readonly workloads: readonly KnownWorkload[];
  /** Objects of a kind with the body that validation has given them. */
  readonly of: <Body>(group: string, kind: string) => readonly ApiObject<Body>[];
  /** What runs in a namespace, as far as it is known. */
  readonly workloadsIn: (namespace: string) => readonly KnownWorkload[];
  /** Whether what is not known to run in a namespace does not run there. Files with none of its workloads say nothing about that. */
  readonly knowsWorkloads: (namespace: string) => boolean;
  /** Whether some workload of a namespace has these labels. */
  readonly runs: (namespace: string, labels: Labels) => boolean;
  /** Namespaces that are there: by an object of their own, or by what is in them. */
  readonly namespaces: ReadonlySet<string>;
}

export const networking = 'networking.istio.io';
export const security = 'security.istio.io';

export function contextOf(input: AnalysisInput, store: Store): AnalysisContext {
  const byKind = Map.groupBy(input.objects, ({ apiVersion, kind }) => kindId(groupOf(apiVersion), kind));
  const of = <Body>(group: string, kind: string) => (byKind.get(kindId(group, kind)) ?? []) as unknown as ApiObject<Body>[];
  const workloads = [
    ...[input.objects, ...(input.remote?.values() ?? [])].flatMap((objects) =>
      objects.flatMap((object) => workloadOf(object) ?? []),
    ),
    ...(input.otherPods ?? []).map((pod) => ({ ...pod, gateway: false })),
  ];
  const inNamespace = Map.groupBy(workloads, ({ namespace }) => namespace);
  const workloadsIn = (namespace: string) => inNamespace.get(namespace) ?? [];
  return {
    mesh: meshOf(store).value,
    input,
    workloads,
    of,
    workloadsIn,
    knowsWorkloads: (namespace) => input.whole || inNamespace.has(namespace),
    runs: (namespace, labels) => workloadsIn(namespace).some((workload) => matchesLabels(labels, workload.labels)),
    namespaces: new Set(input.objects.map(({ kind, metadata }) => (kind === 'Namespace' ? metadata.name : metadata.namespace))),
  };
}

function workloadOf(object: ApiObject): KnownWorkload | undefined {
  const { namespace } = object.metadata;
  if (isWorkload(object)) {
    const pod = (object.kind === 'Pod' ? object : podOf(object)) as unknown as ApiObject<Pod> | undefined;
    if (pod === undefined) return undefined;
    const { labels, serviceAccount } = podWorkload(pod);
    return { namespace, labels, serviceAccount, gateway: isGateway(labels, pod.metadata.annotations), object, pod };
  }
  if (groupOf(object.apiVersion) !== networking) return undefined;
  if (object.kind === 'WorkloadEntry') {
    const { labels, serviceAccount } = entryWorkload(object as unknown as ApiObject<WorkloadEntry>);
    return { namespace, labels, serviceAccount, gateway: false, object };
  }
  if (object.kind !== 'WorkloadGroup') return undefined;
  const { metadata, template } = (object as unknown as ApiObject<WorkloadGroup>).body.spec;
  return {
    namespace,
    labels: { ...metadata?.labels, ...template.labels },
    serviceAccount: template.serviceAccount ?? '',
    gateway: false,
    object,
  };
}

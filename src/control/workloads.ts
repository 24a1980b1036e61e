// Which pod a person means: `productpage-v1`, `deploy/productpage-v1`, a pod's name, `NAME.NS`. Used by logs, exec and proxy.

import { nearest } from '../api/suggestion.ts';
import type { ApiObject } from '../api/object.ts';

export interface PodName {
  readonly namespace: string;
  readonly name: string;
  /** What made the pod: its Deployment or StatefulSet, or the pod itself. */
  readonly workload: string;
  readonly kind: 'Deployment' | 'StatefulSet' | 'Pod';
}

export type FoundPods = { readonly pods: readonly PodName[] } | { readonly message: string; readonly help: string };

const kindWords: Readonly<Record<string, PodName['kind']>> = {
  pod: 'Pod',
  pods: 'Pod',
  po: 'Pod',
  deploy: 'Deployment',
  deployment: 'Deployment',
  deployments: 'Deployment',
  sts: 'StatefulSet',
  statefulset: 'StatefulSet',
  statefulsets: 'StatefulSet',
};

/** Every pod that the text names, sorted; never empty. A namespace in the text counts before the given one. */
export function findPods(pods: readonly PodName[], text: string, namespace = 'default'): FoundPods {
  const slash = text.indexOf('/');
  const kind = slash < 0 ? undefined : kindWords[text.slice(0, slash).toLowerCase()];
  if (slash >= 0 && kind === undefined) {
    return { message: `${text.slice(0, slash)} is not something that runs`, help: 'write a pod, deploy/NAME or sts/NAME' };
  }
  const wanted = text.slice(slash + 1);
  const within = (place: string, name: string): PodName[] =>
    pods
      .filter(
        (pod) => pod.namespace === place && (pod.name === name ? kind === undefined || kind === 'Pod' : named(pod, kind, name)),
      )
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  const here = within(namespace, wanted);
  if (here.length > 0) return { pods: here };
  // A name may contain dots itself, so each of them may be the one before the namespace.
  for (let dot = wanted.lastIndexOf('.'); dot > 0; dot = wanted.lastIndexOf('.', dot - 1)) {
    const there = within(wanted.slice(dot + 1), wanted.slice(0, dot));
    if (there.length > 0) return { pods: there };
  }
  return missing(pods, wanted, namespace);
}

const named = (pod: PodName, kind: PodName['kind'] | undefined, name: string): boolean =>
  pod.workload === name && (kind === undefined ? true : pod.kind === kind);

function missing(pods: readonly PodName[], wanted: string, namespace: string): FoundPods {
  const message = `no workload or pod ${wanted} in namespace ${namespace}`;
  const elsewhere = pods.find(({ name, workload }) => name === wanted || workload === wanted);
  if (elsewhere !== undefined)
    return { message, help: `there is one in namespace ${elsewhere.namespace}: add -n ${elsewhere.namespace}` };
  const here = pods.filter((pod) => pod.namespace === namespace);
  const guess = nearest(wanted, new Set(here.flatMap(({ name, workload }) => [workload, name])));
  if (guess !== undefined) return { message, help: `did you mean ${guess}?` };
  const known = [...new Set(here.map(({ workload }) => workload))].sort();
  if (known.length > 0) return { message, help: `there are: ${known.slice(0, 12).join(', ')}${known.length > 12 ? ', …' : ''}` };
  return { message, help: pods.length === 0 ? 'nothing runs in this mesh yet' : 'lateen ps -A shows what runs' };
}

/** How a Pod object is called, and what made it. */
export function podName(pod: ApiObject): PodName {
  const { name, namespace, labels } = pod.metadata;
  const { metadata } = pod.body as { metadata?: { ownerReferences?: readonly { kind?: string; name?: string }[] } };
  const owner = metadata?.ownerReferences?.[0];
  if (owner?.name !== undefined) {
    if (owner.kind === 'Deployment' || owner.kind === 'StatefulSet')
      return { namespace, name, workload: owner.name, kind: owner.kind };
    const hash = labels['pod-template-hash'];
    if (owner.kind === 'ReplicaSet') {
      const workload = hash !== undefined && owner.name.endsWith(`-${hash}`) ? owner.name.slice(0, -hash.length - 1) : owner.name;
      return { namespace, name, workload, kind: 'Deployment' };
    }
  }
  return { namespace, name, workload: name, kind: 'Pod' };
}

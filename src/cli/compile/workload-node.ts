// The proxy of the workload that a person names. For verbs that ask about one workload of some manifests.

import type { ApiObject } from '../../api/object.ts';
import { findPods, podName, type PodName } from '../../control/workloads.ts';
import { isWorkload, proxyOfWorkload, type WorkloadProxy } from '../../explain/workload-node.ts';
import { networkLabel } from '../../mesh/labels.ts';
import { Failure } from '../failure.ts';

interface Workload extends PodName {
  readonly object: ApiObject;
}

const found = new WeakMap<readonly ApiObject[], readonly Workload[]>();

/** Of the same objects looked for once: whoever asks for one workload asks for more. */
function workloadsIn(objects: readonly ApiObject[]): readonly Workload[] {
  const known = found.get(objects);
  if (known !== undefined) return known;
  const workloads = objects.filter(isWorkload).map((object): Workload => {
    if (object.kind === 'Pod') return { ...podName(object), object };
    const { name, namespace } = object.metadata;
    const kind = object.kind === 'StatefulSet' ? 'StatefulSet' : 'Deployment';
    return { namespace, name, workload: name, kind, object };
  });
  found.set(objects, workloads);
  return workloads;
}

/** Whether the workload that a person names is among these objects. */
export const hasWorkload = (objects: readonly ApiObject[], text: string): boolean =>
  'pods' in findPods(workloadsIn(objects), text);

/** What a proxy says of where it runs: its cluster, and the network that its cluster's root namespace names. */
export function placeMetadata(
  clusterId: string,
  objects: readonly ApiObject[],
  rootNamespace: string,
): Readonly<Record<string, string>> {
  const root = objects.find(({ kind, metadata }) => kind === 'Namespace' && metadata.name === rootNamespace);
  const network = root?.metadata.labels[networkLabel];
  return { CLUSTER_ID: clusterId, ...(network !== undefined && { NETWORK: network }) };
}

/** The proxy of the workload that a person names. Throws `Failure` where there is none, or its template is not valid. */
export function workloadProxy(objects: readonly ApiObject[], text: string, domain: string): WorkloadProxy {
  const names = workloadsIn(objects);
  const chosenPods = findPods(names, text);
  if ('message' in chosenPods) throw new Failure(chosenPods.message, chosenPods.help);
  // A real pod before the template that made it: it has addresses.
  const chosen = names
    .filter((name) => chosenPods.pods.includes(name))
    .sort((a, b) => Number(b.object.kind === 'Pod') - Number(a.object.kind === 'Pod'))[0];
  if (chosen === undefined) throw new Failure(`no workload ${text}`);
  const proxy = proxyOfWorkload(chosen.object, domain);
  if (proxy === undefined)
    throw new Failure(`the pod template of ${chosen.object.kind} ${chosen.name} is not valid`, 'lateen validate says why');
  return proxy;
}

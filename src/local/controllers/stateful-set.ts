// StatefulSets into pods with ordinals and host names that last: started in order, ended in reverse, replaced from the last one.

import { bodyOf, type StatefulSetBody } from '../kubernetes.ts';
import { templateHash } from '../names.ts';
import { withField } from '../objects.ts';
import { podIsReady, replicaStatus, type ControllerInput, type ControllerStep } from './deployment.ts';
import { ownedPod } from './owned-pod.ts';

const revisionLabel = 'controller-revision-hash';

/** One move at a time, each waiting until the pods before are ready; `Parallel` starts and ends all at once. */
export function stepStatefulSet({ object, pods, namespaceObject, now }: ControllerInput): ControllerStep {
  const { spec } = bodyOf<StatefulSetBody>(object);
  const { name } = object.metadata;
  const { replicas = 1, template, serviceName, podManagementPolicy } = spec;
  const revision = `${name}-${templateHash(template)}`.slice(-63);
  const first = spec.ordinals?.start ?? 0;
  const ordinals = Array.from({ length: replicas }, (_, index) => first + index);
  const byName = new Map(pods.map((pod) => [pod.metadata.name, pod]));
  const missing = ordinals.filter((ordinal) => !byName.has(`${name}-${ordinal}`));
  const wanted = new Set(ordinals.map((ordinal) => `${name}-${ordinal}`));
  const surplus = pods
    .filter((pod) => !wanted.has(pod.metadata.name))
    .sort((a, b) => ordinalOf(b.metadata.name) - ordinalOf(a.metadata.name));
  const current = (podName: string) => byName.get(podName)?.metadata.labels[revisionLabel] === revision;
  const parallel = podManagementPolicy === 'Parallel';

  const readyBefore = (ordinal: number) =>
    ordinals.filter((each) => each < ordinal).every((each) => isThereAndReady(byName.get(`${name}-${each}`)));
  const start = parallel ? missing : missing.slice(0, 1).filter(readyBefore);
  const allReady = missing.length === 0 && [...wanted].every((each) => isThereAndReady(byName.get(each)));
  const outdated = ordinals.filter((ordinal) => byName.has(`${name}-${ordinal}`) && !current(`${name}-${ordinal}`)).at(-1);
  const broken = outdated !== undefined && !isThereAndReady(byName.get(`${name}-${outdated}`));
  const replace = outdated !== undefined && (allReady || broken) ? byName.get(`${name}-${outdated}`) : undefined;
  return {
    create: start.map((ordinal) =>
      ownedPod({
        owner: object,
        name: `${name}-${ordinal}`,
        template,
        labels: {
          [revisionLabel]: revision,
          'statefulset.kubernetes.io/pod-name': `${name}-${ordinal}`,
          'apps.kubernetes.io/pod-index': String(ordinal),
        },
        spec: { hostname: `${name}-${ordinal}`, ...(serviceName !== undefined && { subdomain: serviceName }) },
        namespaceObject,
        createdAt: now,
      }),
    ),
    end: [...(parallel ? surplus : surplus.slice(0, 1)), ...(replace === undefined ? [] : [replace])],
    object: withField(
      object,
      'status',
      replicaStatus(replicas, pods, (pod) => pod.metadata.labels[revisionLabel] === revision),
    ),
  };
}

const isThereAndReady = (pod: ControllerInput['pods'][number] | undefined): boolean => pod !== undefined && podIsReady(pod);

const ordinalOf = (podName: string): number => Number(podName.slice(podName.lastIndexOf('-') + 1));

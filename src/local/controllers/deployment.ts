// Deployments into pods: replicas of a template, replaced a few at a time when it changes.

import type { ApiObject } from '../../api/object.ts';
import { bodyOf, type DeploymentBody, type PodBody } from '../kubernetes.ts';
import { deploymentPodName, hashName, templateHash } from '../names.ts';
import { withField } from '../objects.ts';
import { isReady } from '../pod-status.ts';
import { ownedPod } from './owned-pod.ts';
import { nextStep } from './rollout.ts';

const hashLabel = 'pod-template-hash';

export interface ControllerInput {
  readonly object: ApiObject;
  /** The pods that this object owns, less those that are ending. */
  readonly pods: readonly ApiObject[];
  readonly namespaceObject: ApiObject | undefined;
  readonly now: string;
  /** Random text for a pod's name. */
  readonly random: () => string;
}

export interface ControllerStep {
  readonly create: readonly ApiObject[];
  readonly end: readonly ApiObject[];
  /** The controller's object with its status. */
  readonly object: ApiObject;
}

export function stepDeployment({ object, pods, namespaceObject, now, random }: ControllerInput): ControllerStep {
  const { spec } = bodyOf<DeploymentBody>(object);
  const hash = templateHash(spec.template);
  const { replicas = 1 } = spec;
  const step = nextStep(
    {
      replicas,
      hash,
      strategy: spec.strategy?.type === 'Recreate' ? 'Recreate' : 'RollingUpdate',
      ...spec.strategy?.rollingUpdate,
    },
    pods.map((pod) => ({
      name: pod.metadata.name,
      hash: pod.metadata.labels[hashLabel] ?? '',
      ready: podIsReady(pod),
      createdAt: pod.metadata.creationTimestamp ?? '',
    })),
  );
  const create = Array.from({ length: step.start }, () =>
    ownedPod({
      owner: object,
      name: deploymentPodName(object.metadata.name, hash, hashName(random(), 5)),
      template: spec.template,
      labels: { [hashLabel]: hash },
      namespaceObject,
      createdAt: now,
    }),
  );
  const end = new Set(step.end);
  return {
    create,
    end: pods.filter(({ metadata }) => end.has(metadata.name)),
    object: withField(
      object,
      'status',
      replicaStatus(replicas, pods, (pod) => pod.metadata.labels[hashLabel] === hash),
    ),
  };
}

export const podIsReady = (pod: ApiObject): boolean => isReady(bodyOf<PodBody>(pod).status);

export function replicaStatus(replicas: number, pods: readonly ApiObject[], updated: (pod: ApiObject) => boolean) {
  const ready = pods.filter(podIsReady).length;
  return {
    replicas: pods.length,
    updatedReplicas: pods.filter(updated).length,
    readyReplicas: ready,
    availableReplicas: ready,
    unavailableReplicas: Math.max(0, replicas - ready),
  };
}

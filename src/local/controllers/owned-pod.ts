// Pod objects as a Deployment or StatefulSet makes them from its template. Their fields' lines are the template's.

import { randomUUID } from 'node:crypto';
import type { ApiObject } from '../../api/object.ts';
import { meshLabels, meshRole } from '../injection.ts';
import type { PodSpec, PodTemplate } from '../kubernetes.ts';
import { newObject, originWithin } from '../objects.ts';

export interface OwnedPod {
  readonly owner: ApiObject;
  readonly name: string;
  readonly template: PodTemplate;
  /** Labels beside the template's: its hash, an ordinal. */
  readonly labels: Readonly<Record<string, string>>;
  /** Fields of the spec that the owner sets: hostname, subdomain. */
  readonly spec?: Partial<PodSpec>;
  readonly namespaceObject: ApiObject | undefined;
  readonly createdAt: string;
}

/** A pod's identity is its uid: another pod of the same name is another pod. */
export function ownedPod({ owner, name, template, labels, spec, namespaceObject, createdAt }: OwnedPod): ApiObject {
  const { namespace } = owner.metadata;
  const own = { ...template.metadata?.labels, ...labels };
  const annotations = { ...template.metadata?.annotations };
  const role = meshRole({ labels: own, annotations }, namespaceObject);
  return newObject(
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace,
        uid: randomUUID(),
        creationTimestamp: createdAt,
        labels: meshLabels(own, role, owner.metadata.name),
        annotations,
        ownerReferences: [
          {
            apiVersion: owner.apiVersion,
            kind: owner.kind,
            name: owner.metadata.name,
            ...(owner.metadata.uid !== undefined && { uid: owner.metadata.uid }),
            controller: true,
          },
        ],
      },
      spec: { serviceAccountName: 'default', nodeName: 'local', ...template.spec, ...spec },
    },
    originWithin(owner.origin, ['spec', 'template']),
  );
}

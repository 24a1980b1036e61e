// What a Kubernetes API server and Istio's webhook would add to a Pod that a person wrote: uid, node, service account, mesh labels.

import type { ApiObject } from '../../api/object.ts';
import { meshLabels, meshRole } from '../injection.ts';
import { bodyOf, type FullMeta, type PodBody } from '../kubernetes.ts';

/** The same object where it has all of that already. `before` is the pod that runs from an earlier form of it. */
export function admitPod(object: ApiObject, uid: string, namespaceObject: ApiObject | undefined, before?: ApiObject): ApiObject {
  const { name } = object.metadata;
  const role = meshRole(object.metadata, namespaceObject);
  const labels = meshLabels(object.metadata.labels, role, name);
  const { spec, metadata } = bodyOf<PodBody & { metadata?: FullMeta }>(object);
  const admitted = object.metadata.uid !== undefined && spec.serviceAccountName !== undefined;
  if (admitted && Object.keys(labels).length === Object.keys(object.metadata.labels).length) return object;
  const creationTimestamp = object.metadata.creationTimestamp ?? before?.metadata.creationTimestamp;
  const added = { uid, labels, ...(creationTimestamp !== undefined && { creationTimestamp }) };
  return {
    ...object,
    metadata: { ...object.metadata, ...added },
    body: {
      ...object.body,
      metadata: { ...metadata, ...added },
      spec: { serviceAccountName: 'default', nodeName: 'local', ...spec },
    },
  };
}

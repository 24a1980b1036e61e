// Whose configuration a plan compares: every pod with a proxy, under the name of what made it; and where nothing runs, a workload of
// each namespace.

import type { MeshConfig } from '../../api/mesh-config.ts';
import type { ApiObject } from '../../api/object.ts';
import type { ProxyNode } from '../../compile/configuration.ts';
import { parseNode } from '../../compile/node.ts';
import { podName } from '../../control/workloads.ts';
import type { NamedProxy } from '../../explain/plan/snapshot.ts';
import { proxyOfWorkload } from '../../explain/workload-node.ts';
import { meshRole } from '../../local/injection.ts';
import { placeMetadata } from '../compile/workload-node.ts';

const domain = 'cluster.local';

interface Mesh {
  readonly objects: readonly ApiObject[];
  readonly meshConfig: MeshConfig;
  readonly clusterId?: string | undefined;
}

export function planProxies({ objects, meshConfig: { rootNamespace }, clusterId = 'Kubernetes' }: Mesh): NamedProxy[] {
  const place = placeMetadata(clusterId, objects, rootNamespace);
  const placed = (node: ProxyNode): ProxyNode => ({ ...node, metadata: { ...place, ...node.metadata } });
  const namespaces = new Map(objects.filter(({ kind }) => kind === 'Namespace').map((each) => [each.metadata.name, each]));
  const pods = objects.filter(({ kind, apiVersion }) => kind === 'Pod' && apiVersion === 'v1');
  const running = pods.flatMap((pod) => {
    if (meshRole(pod.metadata, namespaces.get(pod.metadata.namespace)) === 'none') return [];
    const found = proxyOfWorkload(pod, domain);
    return found === undefined ? [] : [{ name: `${podName(pod).workload}.${pod.metadata.namespace}`, node: placed(found.node) }];
  });
  const served = new Set(running.filter(({ node }) => node.type === 'sidecar').map(({ node }) => node.namespace));
  if (served.size > 0) return running;
  const inUse = new Set(
    objects.map(({ metadata }) => metadata.namespace).filter((name) => name !== '' && name !== rootNamespace),
  );
  return [...running, ...[...inUse].flatMap(plainProxy).map(({ name, node }) => ({ name, node: placed(node) }))];
}

/** No pod has a name with a blank. */
function plainProxy(namespace: string): NamedProxy[] {
  const name = `any workload of ${namespace}`;
  const node = parseNode({
    id: `sidecar~192.0.2.1~${name}.${namespace}~${namespace}.svc.${domain}`,
    metadata: { NAMESPACE: namespace, LABELS: {} },
  });
  return typeof node === 'string' ? [] : [{ name, node }];
}

// Every proxy that a mesh's objects speak of: what is asked what it finds wrong. First step of an analysis.

import type { ApiObject } from '../../api/object.ts';
import type { MeshConfig } from '../../api/mesh-config.ts';
import type { ProxyNode } from '../../compile/configuration.ts';
import { parseNode } from '../../compile/node.ts';
import { ingressSelector } from '../../mesh/ingress.ts';
import type { Labels } from '../../mesh/labels.ts';
import { isWorkload, proxyOfWorkload } from '../workload-node.ts';

/** The DNS domain of cluster services. */
const clusterDomain = 'cluster.local';

/** The workloads' proxies; a sidecar in each namespace, with and without the labels that objects select; each Gateway's proxy. */
export function proxiesOf(objects: readonly ApiObject[], meshConfig: MeshConfig): ProxyNode[] {
  const namespaces = new Set(objects.map(({ metadata }) => metadata.namespace).filter((namespace) => namespace !== ''));
  const ingress = objects.some(({ kind }) => kind === 'Ingress')
    ? nodeOf('router', 'ingress', meshConfig.rootNamespace, ingressSelector(meshConfig))
    : [];
  return [
    ...objects.filter(isWorkload).flatMap((object) => proxyOfWorkload(object, clusterDomain)?.node ?? []),
    ...[...namespaces].flatMap((namespace) => nodeOf('sidecar', 'any', namespace, {})),
    ...objects.flatMap(({ apiVersion, kind, metadata, body }, index) => {
      const { selector, workloadSelector } = (body['spec'] ?? {}) as Selecting;
      const labels = workloadSelector?.labels ?? selector?.matchLabels ?? selector;
      if (labels === undefined || !apiVersion.includes('istio.io/')) return [];
      return nodeOf(kind === 'Gateway' ? 'router' : 'sidecar', `selected ${index}`, metadata.namespace, labels);
    }),
    ...ingress,
  ];
}

/** Where objects of Istio's kinds say which workloads they are for. */
interface Selecting {
  readonly selector?: { readonly matchLabels?: Labels } & Labels;
  readonly workloadSelector?: { readonly labels?: Labels };
}

/** The proxy of no known pod: no pod has a name with a blank. */
function nodeOf(type: 'sidecar' | 'router', word: string, namespace: string, labels: Labels): ProxyNode[] {
  const name = `no pod, ${word}.${namespace}`;
  const node = parseNode({
    id: `${type}~192.0.2.1~${name}~${namespace}.svc.${clusterDomain}`,
    metadata: { NAMESPACE: namespace, LABELS: labels },
  });
  return typeof node === 'string' ? [] : [node];
}

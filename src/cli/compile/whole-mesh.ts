// What is wrong between the objects of some files: every proxy that they speak of is compiled for, and asked what it found.

import type { Diagnostic } from '../../api/diagnostic.ts';
import { meshConfigDefaults } from '../../api/mesh-config.ts';
import type { ApiObject } from '../../api/object.ts';
import { createCompiler, storeOf } from '../../compile/compile.ts';
import type { ProxyNode } from '../../compile/configuration.ts';
import { parseNode } from '../../compile/node.ts';
import { ingressSelector } from '../../mesh/ingress.ts';
import { meshConfigMap, meshNetworksMap } from '../../sources/mesh-config.ts';
import { workloadNodes } from './workload-node.ts';

const domain = 'cluster.local';

type Labels = Readonly<Record<string, string>>;

export interface WholeMesh {
  /** Each finding once. What is not in the files may be in the mesh that they are for, so its lack is a warning here. */
  readonly diagnostics: readonly Diagnostic[];
  /** False where the files hold no service at all: then each reference to one would be told to lead nowhere. */
  readonly referencesChecked: boolean;
}

export function wholeMesh(objects: readonly ApiObject[]): WholeMesh {
  const mesh = meshConfigMap(objects);
  const networks = meshNetworksMap(objects);
  const meshConfig = mesh?.config ?? meshConfigDefaults();
  const compiler = createCompiler(storeOf({ objects, meshConfig, meshNetworks: networks?.networks }));
  const ingress = objects.some(({ kind }) => kind === 'Ingress')
    ? nodeOf('router', 'ingress', 'istio-system', ingressSelector(meshConfig))
    : [];
  const nodes = new Map([...proxiesOf(objects), ...ingress].map((node) => [node.id, node]));
  const classes = new Map(
    [...nodes.values()].map((node) => compiler.configurationFor(node).value).map((each) => [each.id, each]),
  );
  const found = [
    ...(mesh?.diagnostics ?? []),
    ...(networks?.diagnostics ?? []),
    ...[...classes.values()].flatMap(({ diagnostics }) => diagnostics.value),
  ];
  const all = new Map(found.map((diagnostic) => [JSON.stringify(diagnostic), diagnostic]));
  const referencesChecked = objects.some(({ kind }) => kind === 'Service' || kind === 'ServiceEntry');
  const diagnostics = [...all.values()].flatMap((diagnostic): Diagnostic[] => {
    if (diagnostic.code !== reference) return [diagnostic];
    if (!referencesChecked) return [];
    return [{ ...diagnostic, severity: 'warning', help: `${diagnostic.help}; or name the file that has it as well` }];
  });
  return { diagnostics, referencesChecked };
}

/** The code of what refers to nothing. */
const reference = 'IST0101';

/** The workloads' proxies; a sidecar in each namespace, with and without the labels that objects select; each Gateway's proxy. */
function proxiesOf(objects: readonly ApiObject[]): ProxyNode[] {
  const namespaces = new Set(objects.map(({ metadata }) => metadata.namespace).filter((namespace) => namespace !== ''));
  return [
    ...workloadNodes(objects, domain),
    ...[...namespaces].flatMap((namespace) => nodeOf('sidecar', 'any', namespace, {})),
    ...objects.flatMap(({ apiVersion, kind, metadata, body }, index) => {
      const { selector, workloadSelector } = (body['spec'] ?? {}) as Selecting;
      const labels = workloadSelector?.labels ?? selector?.matchLabels ?? selector;
      if (labels === undefined || !apiVersion.includes('istio.io/')) return [];
      return nodeOf(kind === 'Gateway' ? 'router' : 'sidecar', `selected ${index}`, metadata.namespace, labels);
    }),
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
    id: `${type}~192.0.2.1~${name}~${namespace}.svc.${domain}`,
    metadata: { NAMESPACE: namespace, LABELS: labels },
  });
  return typeof node === 'string' ? [] : [node];
}

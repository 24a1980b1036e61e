// What `lateen compile` does: reads its inputs, calls the compiler's pure function, prints the result.

import { decode } from '../../api/decode.ts';
import { diagnosticJson, diagnosticText, type Diagnostic } from '../../api/diagnostic.ts';
import { meshConfigDefaults } from '../../api/mesh-config.ts';
import { compileProxy, type Compiled } from '../../compile/compile.ts';
import { locateIn, type Locate } from '../../explain/origins.ts';
import type { ProxyNode } from '../../compile/configuration.ts';
import { parseNode } from '../../compile/node.ts';
import { resourcesJson, type ConfigurationJson } from '../../control/resource-json.ts';
import { loadFiles } from '../../sources/manifest.ts';
import { count, noteDiagnostics } from '../diagnostics.ts';
import { exitCode, Failure } from '../failure.ts';
import { printStructured } from '../structured.ts';
import { meshConfigFor, meshNetworksFor, remoteClusters, textOf, type ClusterFiles } from '../mesh-inputs.ts';
import type { Terminal } from '../terminal.ts';
import type { CompileOptions } from '../verbs/compile.ts';
import { hasWorkload, placeMetadata, workloadProxy } from './workload-node.ts';

type Options = CompileOptions & { readonly file: readonly string[] };

const clusterDomain = 'cluster.local';

export async function compileFiles(options: Options, terminal: Terminal): Promise<number> {
  const primary = { id: options.clusterId, ...loadFiles(options.file, decode) };
  const remotes = remoteClusters(options);
  const mesh = meshConfigFor(options.meshConfig, primary.objects);
  const networks = meshNetworksFor(options.meshNetworks, primary.objects);
  const meshConfig = mesh?.config ?? meshConfigDefaults();
  const { node, clusters } = proxyOf(options, meshConfig.rootNamespace, [primary, ...remotes]);
  const [{ objects }, ...others] = clusters;
  const remote = new Map(others.map((other) => [other.id, other.objects]));
  const meshNetworks = networks?.networks;
  const input = { objects, meshConfig, meshNetworks, clusterId: primary.id, remote, node };
  const compiled = compileProxy({ ...input, delivery: options.delivery });
  const diagnostics = [
    ...primary.diagnostics,
    ...(mesh?.diagnostics ?? []),
    ...(networks?.diagnostics ?? []),
    ...remotes.flatMap((each) => each.diagnostics),
    ...compiled.diagnostics,
  ];
  if (options.output === 'table') {
    const whole = options.delivery === 'demand' ? compileProxy({ ...input, delivery: 'eager' }) : compiled;
    const all = [primary, ...remotes].flatMap((each) => each.objects);
    await printTables(compiled, whole, locateIn(all), terminal);
    noteDiagnostics(
      terminal,
      diagnostics.map((diagnostic) => ({ severity: diagnostic.severity, text: diagnosticText(diagnostic) })),
    );
  } else await print(await resourcesJson(compiled), diagnostics, options.output, terminal);
  const { error, warning } = count(diagnostics);
  const whole = [primary, ...remotes].every(({ complete }) => complete) && (mesh?.parsed ?? true) && (networks?.parsed ?? true);
  return whole && !(options.strict === true && error + warning > 0) ? exitCode.ok : exitCode.failed;
}

type Clusters = readonly [ClusterFiles, ...ClusterFiles[]];

/** The proxy, and the clusters' objects with the pod that a template would make. */
function proxyOf(
  { node: nodeFile, workload = '', clusterId }: Options,
  rootNamespace: string,
  clusters: Clusters,
): { readonly node: ProxyNode; readonly clusters: Clusters } {
  if (nodeFile !== undefined) {
    const node = readNode(nodeFile);
    return { node: { ...node, metadata: { CLUSTER_ID: clusterId, ...node.metadata } }, clusters };
  }
  const [primary, ...others] = clusters;
  const home = clusters.find(({ objects }) => hasWorkload(objects, workload)) ?? primary;
  const { node, pod } = workloadProxy(home.objects, workload, clusterDomain);
  const added = (cluster: ClusterFiles): ClusterFiles =>
    cluster === home && pod !== undefined ? { ...cluster, objects: [...cluster.objects, pod] } : cluster;
  const metadata = { ...placeMetadata(home.id, home.objects, rootNamespace), ...node.metadata };
  return { node: { ...node, metadata }, clusters: [added(primary), ...others.map(added)] };
}

function readNode(path: string): ProxyNode {
  let json: unknown;
  const text = textOf(path);
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Failure(`${path} is not JSON: ${error instanceof Error ? error.message : String(error)}`, 'write an Envoy Node');
  }
  const node = parseNode(json);
  if (typeof node === 'string') throw new Failure(`${path}: ${node}`);
  return node;
}

/** `whole`: what the proxy would get if it were sent everything. */
async function printTables(compiled: Compiled, whole: Compiled, locate: Locate, terminal: Terminal): Promise<void> {
  const [{ configurationText }, { compiledConfiguration }, { secrets }] = await Promise.all([
    import('../envoy-tables/configuration.ts'),
    import('../../explain/configuration.ts'),
    resourcesJson(compiled),
  ]);
  const has = new Set(compiled.clusters.map(({ name }) => name));
  const uncalled = whole.clusters.map(({ name }) => name).filter((name) => !has.has(name));
  const shown = { configuration: compiledConfiguration(compiled), secrets, locate, now: new Date() };
  terminal.line(configurationText(shown, {}, { uncalled, columns: terminal.columns }));
}

async function print(
  configuration: ConfigurationJson,
  diagnostics: readonly Diagnostic[],
  output: string,
  terminal: Terminal,
): Promise<void> {
  const whole = { ...configuration, diagnostics: diagnostics.map(diagnosticJson) };
  await printStructured(whole, output === 'yaml' ? 'yaml' : 'json', terminal);
}

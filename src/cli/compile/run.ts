// What `lateen compile` does: reads its inputs, calls the compiler's pure function, prints the result.

import { decode } from '../../api/decode.ts';
import { diagnosticJson, diagnosticText, type Diagnostic } from '../../api/diagnostic.ts';
import { meshConfigDefaults } from '../../api/mesh-config.ts';
import type { ApiObject } from '../../api/object.ts';
import { compileProxy } from '../../compile/compile.ts';
import type { ProxyNode } from '../../compile/configuration.ts';
import { parseNode } from '../../compile/node.ts';
import { resourcesJson, type ConfigurationJson } from '../../control/resource-json.ts';
import { readText } from '../../sources/file-tree.ts';
import { loadFiles, type LoadedFiles } from '../../sources/manifest.ts';
import { meshConfigMap, readMeshConfig, type ReadMeshConfig } from '../../sources/mesh-config.ts';
import { readDocuments } from '../../sources/yaml.ts';
import { count, noteDiagnostics } from '../diagnostics.ts';
import { exitCode, Failure, usageFailure } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import type { CompileOptions } from '../verbs/compile.ts';
import { workloadProxy } from './workload-node.ts';

type Options = CompileOptions & { readonly file: readonly string[] };

const clusterDomain = 'cluster.local';

export async function compileFiles(options: Options, terminal: Terminal): Promise<number> {
  const loaded = loadFiles(options.file, decode);
  const mesh = meshConfigFor(options.meshConfig, loaded.objects);
  const remotes = (options.remoteCluster ?? []).map(remoteCluster);
  if (options.meshNetworks !== undefined) yamlFile(options.meshNetworks);
  const { node, objects } = proxyOf(options, loaded.objects);
  const compiled = compileProxy({ objects, meshConfig: mesh?.config ?? meshConfigDefaults(), node });
  const diagnostics = [
    ...loaded.diagnostics,
    ...(mesh?.diagnostics ?? []),
    ...remotes.flatMap((remote) => remote.diagnostics),
    ...notInEffect(options),
    ...compiled.diagnostics,
  ];
  await print(await resourcesJson(compiled), diagnostics, options.output, terminal);
  const { error, warning } = count(diagnostics);
  const whole = loaded.complete && (mesh?.parsed ?? true) && remotes.every(({ complete }) => complete);
  return whole && !(options.strict === true && error + warning > 0) ? exitCode.ok : exitCode.failed;
}

/** A file's text; a verb cannot go on without it. */
function textOf(path: string): string {
  const text = readText(path);
  if (typeof text !== 'string') throw new Failure(text.message, text.help);
  return text;
}

function yamlFile(path: string): unknown {
  const { documents, diagnostics } = readDocuments(textOf(path), path);
  const [broken] = diagnostics;
  if (broken !== undefined) throw new Failure(diagnosticText(broken));
  return documents[0]?.value ?? {};
}

function meshConfigFor(path: string | undefined, objects: readonly ApiObject[]): ReadMeshConfig | undefined {
  if (path !== undefined) return readMeshConfig(textOf(path), path);
  return meshConfigMap(objects.filter(({ kind, apiVersion }) => kind === 'ConfigMap' && apiVersion === 'v1'));
}

function remoteCluster(text: string): LoadedFiles & { readonly id: string } {
  const equals = text.indexOf('=');
  if (equals <= 0) throw usageFailure(`--remote-cluster ${text} is not ID=FILE`);
  return { id: text.slice(0, equals), ...loadFiles([text.slice(equals + 1)], decode) };
}

function proxyOf(
  { node: nodeFile, workload = '', clusterId }: Options,
  objects: readonly ApiObject[],
): { readonly node: ProxyNode; readonly objects: readonly ApiObject[] } {
  const inPrimary = (node: ProxyNode): ProxyNode => ({ ...node, metadata: { CLUSTER_ID: clusterId, ...node.metadata } });
  if (nodeFile !== undefined) return { node: inPrimary(readNode(nodeFile)), objects };
  const { node, pod } = workloadProxy(objects, workload, clusterDomain);
  return { node: inPrimary(node), objects: pod === undefined ? objects : [...objects, pod] };
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

/** Options that are read and checked, and whose work comes with other parts of the mesh: said, not passed over. */
function notInEffect({ meshNetworks, remoteCluster: remotes, delivery }: Options): Diagnostic[] {
  const given = [
    ...(meshNetworks === undefined ? [] : ['--mesh-networks']),
    ...(remotes === undefined ? [] : ['--remote-cluster']),
    ...(delivery === 'demand' ? ['--delivery demand'] : []),
  ];
  return given.map((option) => ({
    code: 'LAT0001',
    severity: 'info',
    path: [],
    message: `${option} is accepted and not yet in effect`,
    help: 'the configuration is printed without it',
  }));
}

async function print(
  configuration: ConfigurationJson,
  diagnostics: readonly Diagnostic[],
  output: string,
  terminal: Terminal,
): Promise<void> {
  if (output === 'table') {
    const { configurationText } = await import('../envoy-tables/configuration.ts');
    terminal.line(configurationText(configuration));
    noteDiagnostics(
      terminal,
      diagnostics.map((diagnostic) => ({ severity: diagnostic.severity, text: diagnosticText(diagnostic) })),
    );
    return;
  }
  const whole = { ...configuration, diagnostics: diagnostics.map(diagnosticJson) };
  if (output === 'json') {
    terminal.line(JSON.stringify(whole, null, 2));
    return;
  }
  const [{ stringify }, { writeOptions }] = await Promise.all([import('yaml'), import('../../sources/yaml-scalars.ts')]);
  terminal.write(stringify(whole, writeOptions));
}

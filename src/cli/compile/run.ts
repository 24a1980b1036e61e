// What `lateen compile` does: reads its inputs, calls the compiler's pure function, prints the result.

import { fromJson, toBinary, type JsonValue } from '@bufbuild/protobuf';
import { NodeSchema } from '../../../gen/envoy/config/core/v3/base_pb.js';
import { decode } from '../../api/decode.ts';
import { diagnosticJson, diagnosticText, type Diagnostic } from '../../api/diagnostic.ts';
import { meshConfigDefaults } from '../../api/mesh-config.ts';
import type { ApiObject } from '../../api/object.ts';
import type { ProxyNode } from '../../compile/configuration.ts';
import { readText } from '../../sources/file-tree.ts';
import { loadFiles } from '../../sources/manifest.ts';
import { meshConfigMap, readMeshConfig, type ReadMeshConfig } from '../../sources/mesh-config.ts';
import { readDocuments } from '../../sources/yaml.ts';
import { parseNode } from '../../xds/node.ts';
import { count, noteDiagnostics } from '../diagnostics.ts';
import { exitCode, Failure, usageFailure } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import type { CompileOptions } from '../verbs/compile.ts';
import { resourcesJson, type ConfigurationJson } from '../../control/resource-json.ts';

type Options = CompileOptions & { readonly file: readonly string[] };

export async function compileFiles(options: Options, terminal: Terminal): Promise<number> {
  const loaded = loadFiles(options.file, decode);
  const mesh = meshConfigFor(options.meshConfig, loaded.objects);
  const remotes = (options.remoteCluster ?? []).map(remoteCluster);
  const { compileProxy } = await import('../../compile/compile.ts');
  const compiled = compileProxy({
    objects: loaded.objects,
    ...proxyOf(options),
    meshConfig: mesh?.config ?? meshConfigDefaults(),
    ...(options.meshNetworks !== undefined && { meshNetworks: yamlFile(options.meshNetworks) }),
    clusterId: options.clusterId,
    remoteClusters: remotes.map(({ id, objects }) => ({ id, objects })),
    delivery: options.delivery === 'demand' ? 'demand' : 'eager',
  });
  const diagnostics = [
    ...loaded.diagnostics,
    ...(mesh?.diagnostics ?? []),
    ...remotes.flatMap((remote) => remote.diagnostics),
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

function remoteCluster(text: string): { id: string } & ReturnType<typeof loadFiles> {
  const equals = text.indexOf('=');
  if (equals <= 0) throw usageFailure(`--remote-cluster ${text} is not ID=FILE`);
  return { id: text.slice(0, equals), ...loadFiles([text.slice(equals + 1)], decode) };
}

type WhichProxy = { readonly node: ProxyNode } | { readonly workload: { readonly name: string; readonly namespace: string } };

function proxyOf({ node, workload = '' }: Options): WhichProxy {
  if (node !== undefined) return { node: readNode(node) };
  const name = workload.slice(workload.indexOf('/') + 1);
  // A pod's name has no dots that matter here: the last one is before the namespace.
  const dot = name.lastIndexOf('.');
  return { workload: dot < 0 ? { name, namespace: 'default' } : { name: name.slice(0, dot), namespace: name.slice(dot + 1) } };
}

function readNode(path: string): ProxyNode {
  const text = textOf(path);
  let parsed: ReturnType<typeof parseNode>;
  try {
    const json = JSON.parse(text) as JsonValue;
    parsed = parseNode(toBinary(NodeSchema, fromJson(NodeSchema, json, { ignoreUnknownFields: true })));
  } catch (error) {
    throw new Failure(`${path} is not an Envoy Node in JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if ('problem' in parsed) throw new Failure(`${path}: ${parsed.problem}`);
  return parsed;
}

async function print(
  configuration: ConfigurationJson,
  diagnostics: readonly Diagnostic[],
  output: string,
  terminal: Terminal,
): Promise<void> {
  if (output !== 'table') {
    const whole = { ...configuration, diagnostics: diagnostics.map(diagnosticJson) };
    if (output === 'json') {
      terminal.line(JSON.stringify(whole, null, 2));
      return;
    }
    const [{ stringify }, { writeOptions }] = await Promise.all([import('yaml'), import('../../sources/yaml-scalars.ts')]);
    terminal.write(stringify(whole, writeOptions));
    return;
  }
  const { configurationText } = await import('../envoy-tables/configuration.ts');
  terminal.line(configurationText(configuration));
  noteDiagnostics(
    terminal,
    diagnostics.map((diagnostic) => ({ severity: diagnostic.severity, text: diagnosticText(diagnostic) })),
  );
}

// MeshConfig as text: from a file, or from the ConfigMap `istio` of the root namespace. Read by control and by `compile`.

import type { Diagnostic } from '../api/diagnostic.ts';
import { meshConfigOf, type MeshConfig } from '../api/mesh-config.ts';
import { pathText, type ApiObject, type Origin } from '../api/object.ts';
import { readDocuments } from './yaml.ts';

export interface ReadMeshConfig {
  readonly config: MeshConfig;
  readonly diagnostics: readonly Diagnostic[];
  /** False when the text is not YAML at all. */
  readonly parsed: boolean;
}

export function readMeshConfig(text: string, source: string): ReadMeshConfig {
  const { documents, diagnostics } = readDocuments(text, source);
  const [document] = documents;
  const { config, findings } = meshConfigOf(document?.value ?? {});
  const place = (path: Diagnostic['path'], origin: Origin | undefined): object => origin?.position(path) ?? {};
  return {
    config,
    parsed: diagnostics.length === 0,
    diagnostics: [
      ...diagnostics,
      ...findings.map((finding) => ({ ...finding, file: source, ...place(finding.path, document?.origin) })),
    ],
  };
}

const usualRootNamespace = 'istio-system';

/** The mesh configuration that Istio's own ConfigMap holds (key `mesh`); undefined when there is none. */
export function meshConfigMap(configMaps: Iterable<ApiObject>): ReadMeshConfig | undefined {
  for (const { metadata, body, origin } of configMaps) {
    if (metadata.name !== 'istio' || metadata.namespace !== usualRootNamespace) continue;
    const text = (body['data'] as Readonly<Record<string, unknown>> | undefined)?.['mesh'];
    if (typeof text !== 'string') continue;
    const read = readMeshConfig(text, origin.source);
    // Lines inside the key's text mean nothing in the file: the key's own place does.
    const place = origin.position(['data', 'mesh']);
    const diagnostics = read.diagnostics.map(({ line: _line, column: _column, ...rest }) => ({
      ...rest,
      message: `${metadata.namespace}/istio mesh ${pathText(rest.path)}: ${rest.message}`,
      ...place,
    }));
    return { ...read, diagnostics };
  }
  return undefined;
}

// MeshConfig and MeshNetworks as text: from files, or from the ConfigMap `istio` of the root namespace. Read by control and by `compile`.

import type { Diagnostic } from '../api/diagnostic.ts';
import type { Finding } from '../api/kind.ts';
import { meshConfigOf, type MeshConfig } from '../api/mesh-config.ts';
import { meshNetworksOf, type MeshNetworks } from '../api/mesh-networks.ts';
import { pathText, type ApiObject, type Origin } from '../api/object.ts';
import { readDocuments } from './yaml.ts';

interface Read {
  readonly diagnostics: readonly Diagnostic[];
  /** False when the text is not YAML at all. */
  readonly parsed: boolean;
}

export interface ReadMeshConfig extends Read {
  readonly config: MeshConfig;
}

export interface ReadMeshNetworks extends Read {
  readonly networks: MeshNetworks;
}

/** How a text is read, whichever it comes from. */
type Reader<T extends Read> = (text: string, source: string) => T;

const reader =
  <T extends { readonly findings: readonly Finding[] }>(judge: (given: unknown) => T): Reader<Omit<T, 'findings'> & Read> =>
  (text, source) => {
    const { documents, diagnostics } = readDocuments(text, source);
    const [document] = documents;
    const { findings, ...value } = judge(document?.value ?? {});
    const place = (path: Diagnostic['path'], origin: Origin | undefined): object => origin?.position(path) ?? {};
    return {
      ...value,
      parsed: diagnostics.length === 0,
      diagnostics: [
        ...diagnostics,
        ...findings.map((finding) => ({ ...finding, file: source, ...place(finding.path, document?.origin) })),
      ],
    };
  };

export const readMeshConfig: Reader<ReadMeshConfig> = reader(meshConfigOf);
export const readMeshNetworks: Reader<ReadMeshNetworks> = reader(meshNetworksOf);

const usualRootNamespace = 'istio-system';

/** What a key of Istio's own ConfigMap holds; undefined when there is none. */
const configMapReader =
  <T extends Read>(key: string, read: Reader<T>) =>
  (configMaps: Iterable<ApiObject>): T | undefined => {
    for (const { apiVersion, kind, metadata, body, origin } of configMaps) {
      if (kind !== 'ConfigMap' || apiVersion !== 'v1') continue;
      if (metadata.name !== 'istio' || metadata.namespace !== usualRootNamespace) continue;
      const text = (body['data'] as Readonly<Record<string, unknown>> | undefined)?.[key];
      if (typeof text !== 'string') continue;
      const value = read(text, origin.source);
      // Lines inside the key's text mean nothing in the file: the key's own place does.
      const place = origin.position(['data', key]);
      const diagnostics = value.diagnostics.map(({ line: _line, column: _column, ...rest }) => ({
        ...rest,
        message: `${metadata.namespace}/istio ${key} ${pathText(rest.path)}: ${rest.message}`,
        ...place,
      }));
      return { ...value, diagnostics };
    }
    return undefined;
  };

/** The mesh configuration in the ConfigMap. */
export const meshConfigMap = configMapReader('mesh', readMeshConfig);
/** The networks in the ConfigMap. */
export const meshNetworksMap = configMapReader('meshNetworks', readMeshNetworks);

// One text's objects: documents read, decoded by their kinds, and told apart by name. Used per file, per `apply` and offline.

import type { Decoded } from '../api/decode.ts';
import type { Diagnostic } from '../api/diagnostic.ts';
import { groupOf, refKey, refText, refOf, type ApiObject, type ObjectRef, type Origin } from '../api/object.ts';
import { filesUnder, readText } from './file-tree.ts';
import { readDocuments, type JsonObject, type SourceDocument } from './yaml.ts';

/** How a document becomes an object: `decode` of api/; another one in tests. */
export type Decode = (document: JsonObject, origin: Origin) => Decoded;

export interface ManifestItem extends Decoded {
  readonly document: SourceDocument;
  /** What the document calls itself, told from the raw text where no object came of it. */
  readonly ref: ObjectRef | undefined;
}

export interface Manifest {
  readonly items: readonly ManifestItem[];
  /** What is wrong with the text itself; each item has its own besides. */
  readonly diagnostics: readonly Diagnostic[];
}

export const readManifest = (text: string, source: string, decode: Decode): Manifest => {
  const { documents, diagnostics } = readDocuments(text, source);
  return { items: documents.map((document) => decodeItem(document, decode)), diagnostics };
};

function decodeItem(document: SourceDocument, decode: Decode): ManifestItem {
  const decoded = decode(document.value, document.origin);
  return { ...decoded, document, ref: decoded.object === undefined ? rawRef(document.value) : refOf(decoded.object) };
}

function rawRef({ apiVersion, kind, metadata }: JsonObject): ObjectRef | undefined {
  const { name, namespace } = (metadata ?? {}) as JsonObject;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || typeof name !== 'string') return undefined;
  return { group: groupOf(apiVersion), kind, namespace: typeof namespace === 'string' ? namespace : 'default', name };
}

/** Two objects with one name: the first stays. `LAT0103` names both places. */
export function duplicateOf(kept: ApiObject, other: ApiObject): Diagnostic {
  const place = kept.origin.position(['metadata', 'name']);
  const at = place === undefined ? kept.origin.source : `${kept.origin.source}:${place.line}:${place.column}`;
  return {
    code: 'LAT0103',
    severity: 'error',
    object: refOf(other),
    path: ['metadata', 'name'],
    message: `${refText(refOf(other))} is defined already at ${at}; this one is left out`,
    help: 'keep one of the two, or give them different names',
    file: other.origin.source,
    ...other.origin.position(['metadata', 'name']),
  };
}

export interface LoadedFiles {
  readonly objects: readonly ApiObject[];
  /** How many documents there were, of which some may be no good. */
  readonly documents: number;
  readonly diagnostics: readonly Diagnostic[];
  /** False when an input could not be read or parsed: then something is missing that a person meant to give. */
  readonly complete: boolean;
  /** Documents of kinds that Lateen does not read, or of none. */
  readonly strangers: readonly SourceDocument[];
  /** Files that cannot be read as YAML because they are templates of it. */
  readonly templates: readonly string[];
}

/** The codes of what is no object of a kind that Lateen reads. */
const isStrange = new Set(['LAT1000', 'LAT1005']);

/** Reads `-f` arguments once, for the verbs that need nothing running. */
export function loadFiles(paths: readonly string[], decode: Decode): LoadedFiles {
  const tree = filesUnder(paths);
  const diagnostics = [...tree.diagnostics];
  const objects = new Map<string, ApiObject>();
  const strangers: SourceDocument[] = [];
  const templates: string[] = [];
  let documents = 0;
  let complete = tree.diagnostics.length === 0;
  for (const { path } of tree.files) {
    const text = readText(path);
    if (typeof text !== 'string') {
      complete = false;
      diagnostics.push(text);
      continue;
    }
    const manifest = readManifest(text, path, decode);
    if (manifest.diagnostics.length > 0) {
      complete = false;
      if (/\{\{.*\}\}/.test(text)) templates.push(path);
    }
    diagnostics.push(...manifest.diagnostics);
    documents += manifest.items.length;
    for (const { object, diagnostics: found, document } of manifest.items) {
      diagnostics.push(...found);
      if (object === undefined && found.some(({ code }) => isStrange.has(code))) strangers.push(document);
      if (object === undefined) continue;
      const key = refKey(refOf(object));
      const kept = objects.get(key);
      if (kept === undefined) objects.set(key, object);
      else diagnostics.push(duplicateOf(kept, object));
    }
  }
  return { objects: [...objects.values()], documents, diagnostics, complete, strangers, templates };
}

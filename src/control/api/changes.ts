// Apply and delete: manifests from the CLI to the embedded store. One transaction per call, so that the mesh changes once.

import { decode } from '../../api/decode.ts';
import { diagnosticJson, diagnosticText, type Diagnostic } from '../../api/diagnostic.ts';
import { kindOf } from '../../api/index.ts';
import { refOf, type ApiObject, type ObjectRef } from '../../api/object.ts';
import type { EmbeddedStore } from '../../sources/embedded/store.ts';
import { duplicateOf, readManifest, refKey, type Decode, type ManifestItem } from '../../sources/manifest.ts';
import type { Store } from '../../store/store.ts';
import type { DiagnosticBoard } from '../diagnostic-board.ts';
import type { Platform } from '../platform.ts';
import type { ApplyAnswer, ApplyRequest, ApplyResult, DeleteAnswer, DeleteRequest, DiagnosticJson } from './contract.ts';
import { kindsNamed, printedName, selectorOf } from './names.ts';
import { ApiError } from './refusal.ts';

export interface ChangeTargets {
  readonly embedded: EmbeddedStore;
  /** All objects in effect, whatever source they came from. */
  readonly store: Store;
  readonly diagnostics: Pick<DiagnosticBoard, 'all'>;
  /** The names of the sources that hold an object. */
  readonly holders: (ref: ObjectRef) => readonly string[];
  /** Undefined while nothing runs workloads. */
  readonly platform: () => Platform | undefined;
}

export const diagnosticLine = (diagnostic: Diagnostic): DiagnosticJson => ({
  ...diagnosticJson(diagnostic),
  severity: diagnostic.severity,
  code: diagnostic.code,
  text: diagnosticText(diagnostic),
});

/** Takes every object that is right and refuses the others one by one. */
export function applyManifests(request: ApplyRequest, { embedded, diagnostics: board }: ChangeTargets): ApplyAnswer {
  const diagnostics: Diagnostic[] = [];
  const results: ApplyResult[] = [];
  const seen = new Map<string, ApiObject>();
  const apply = (item: ManifestItem): void => {
    diagnostics.push(...item.diagnostics);
    const { object, ref } = item;
    if (object === undefined) {
      if (ref !== undefined) results.push({ ref, name: printedName(ref), outcome: 'refused' });
      return;
    }
    const key = refKey(refOf(object));
    const twin = seen.get(key);
    if (twin !== undefined) {
      diagnostics.push(duplicateOf(twin, object));
      return;
    }
    seen.set(key, object);
    const outcome = request.dryRun ? embedded.outcomeOf(object) : embedded.apply(object, item.document.span).outcome;
    results.push({ ref: refOf(object), name: printedName(refOf(object)), outcome });
  };
  embedded.transaction(() => {
    for (const { source, text } of request.files) {
      const manifest = readManifest(text, source, decodeWithin(request.namespace));
      diagnostics.push(...manifest.diagnostics);
      manifest.items.forEach(apply);
    }
  });
  const lines = diagnostics.map(diagnosticLine);
  const said = new Set(lines.map(({ text }) => text));
  const consequences = request.dryRun ? [] : board.all().filter(({ object }) => object !== undefined && seen.has(refKey(object)));
  return { results, diagnostics: lines, consequences: consequences.map(diagnosticLine).filter(({ text }) => !said.has(text)) };
}

/** Decodes with a namespace for the objects that need one and name none, as `kubectl -n` does. */
function decodeWithin(namespace: string | undefined): Decode {
  if (namespace === undefined) return decode;
  return (document, origin) => {
    const { apiVersion, kind, metadata } = document;
    const definition = kindOf(String(apiVersion), String(kind));
    if (definition?.scope !== 'namespaced' || typeof metadata !== 'object' || metadata === null) return decode(document, origin);
    return decode({ ...document, metadata: { namespace, ...metadata } }, origin);
  };
}

export async function deleteObjects(request: DeleteRequest, targets: ChangeTargets): Promise<DeleteAnswer> {
  const refs = request.files === undefined ? refsNamed(request, targets) : refsInFiles(request.files, request.namespace);
  const deleted: string[] = [];
  const others: ObjectRef[] = [];
  const errors: string[] = [];
  targets.embedded.transaction(() => {
    for (const ref of refs) {
      if (targets.embedded.delete(ref) === undefined) others.push(ref);
      else deleted.push(printedName(ref));
    }
  });
  for (const ref of others) {
    if ((await targets.platform()?.remove?.(ref)) === true) deleted.push(printedName(ref));
    else errors.push(whyKept(ref, targets));
  }
  return { deleted, errors };
}

function whyKept(ref: ObjectRef, { store, holders }: ChangeTargets): string {
  const object = store.get(ref);
  if (object === undefined) return `${printedName(ref)} not found`;
  if (holders(ref).length === 0) return `${printedName(ref)} is made by the mesh itself and cannot be deleted`;
  const place = object.origin.position([]);
  return `${printedName(ref)} comes from ${object.origin.source}${place ? `:${place.line}` : ''}: take it out of that file`;
}

function refsInFiles(files: ApplyRequest['files'], namespace: string | undefined): ObjectRef[] {
  const refs = new Map<string, ObjectRef>();
  for (const { source, text } of files) {
    const { items, diagnostics } = readManifest(text, source, decodeWithin(namespace));
    const [broken] = diagnostics;
    if (broken !== undefined) throw new ApiError(400, diagnosticText(broken), 'nothing was deleted');
    for (const { ref } of items) if (ref !== undefined) refs.set(refKey(ref), ref);
  }
  return [...refs.values()];
}

function refsNamed(
  { kind, names = [], all, selector, namespace = 'default' }: DeleteRequest,
  { store }: ChangeTargets,
): ObjectRef[] {
  if (kind === undefined) throw new ApiError(400, 'which kind?');
  const definitions = kindsNamed(kind);
  if (names.length > 0) {
    return definitions.flatMap((definition) =>
      names.map((name) => ({
        group: definition.group,
        kind: definition.kind,
        namespace: definition.scope === 'cluster' ? '' : namespace,
        name,
      })),
    );
  }
  if (all !== true && selector === undefined) throw new ApiError(400, `which ${kind}?`, 'give names, a selector or --all');
  const matches = selectorOf(selector);
  return definitions.flatMap((definition) =>
    store
      .kind(definition.group, definition.kind)
      .all()
      .filter(({ metadata }) => (definition.scope === 'cluster' || metadata.namespace === namespace) && matches(metadata.labels))
      .map(refOf),
  );
}

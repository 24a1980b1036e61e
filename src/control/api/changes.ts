// Apply and delete: manifests from the CLI to the embedded store. One transaction per call, so that the mesh changes once.

import { diagnosticJson, diagnosticText, type Diagnostic } from '../../api/diagnostic.ts';
import { refKey, refOf, type ApiObject, type ObjectRef } from '../../api/object.ts';
import type { EmbeddedStore } from '../../sources/embedded/store.ts';
import { duplicateOf, readManifest, type ManifestItem } from '../../sources/manifest.ts';
import type { Store } from '../../store/store.ts';
import type { DiagnosticBoard } from '../diagnostic-board.ts';
import type { Platform } from '../platform.ts';
import type { ApplyAnswer, ApplyRequest, ApplyResult, DeleteAnswer, DeleteRequest, DiagnosticJson } from './contract.ts';
import { printedName } from './names.ts';
import { decodeWithin, refsInFiles, refsNamed } from './refs.ts';

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

export async function deleteObjects(request: DeleteRequest, targets: ChangeTargets): Promise<DeleteAnswer> {
  const refs =
    request.files === undefined
      ? refsNamed(request, targets.store)
      : refsInFiles(request.files, request.namespace, 'nothing was deleted');
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

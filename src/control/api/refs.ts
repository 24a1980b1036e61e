// Which objects a call means: by manifest, or by kind and names.

import { decode } from '../../api/decode.ts';
import { diagnosticText } from '../../api/diagnostic.ts';
import { kindOf } from '../../api/index.ts';
import { refKey, refOf, type ObjectRef } from '../../api/object.ts';
import { readManifest, type Decode } from '../../sources/manifest.ts';
import type { Store } from '../../store/store.ts';
import type { ApplyRequest, DeleteRequest } from './contract.ts';
import { kindsNamed, selectorOf } from './names.ts';
import { ApiError } from './refusal.ts';

/** Decodes with a namespace for the objects that need one and name none, as `kubectl -n` does. */
export function decodeWithin(namespace: string | undefined): Decode {
  if (namespace === undefined) return decode;
  return (document, origin) => {
    const { apiVersion, kind, metadata } = document;
    const definition = kindOf(String(apiVersion), String(kind));
    if (definition?.scope !== 'namespaced' || typeof metadata !== 'object' || metadata === null) return decode(document, origin);
    return decode({ ...document, metadata: { namespace, ...metadata } }, origin);
  };
}

/** The objects that manifests name. Refuses a file that cannot be read to its end: `help` says what then did not happen. */
export function refsInFiles(files: ApplyRequest['files'], namespace: string | undefined, help: string): ObjectRef[] {
  const refs = new Map<string, ObjectRef>();
  for (const { source, text } of files) {
    const { items, diagnostics } = readManifest(text, source, decodeWithin(namespace));
    const [broken] = diagnostics;
    if (broken !== undefined) throw new ApiError(400, diagnosticText(broken), help);
    for (const { ref } of items) if (ref !== undefined) refs.set(refKey(ref), ref);
  }
  return [...refs.values()];
}

/** Objects by kind and names, or those of a kind that a selector or `all` means. */
export function refsNamed({ kind, names = [], all, selector, namespace = 'default' }: DeleteRequest, store: Store): ObjectRef[] {
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

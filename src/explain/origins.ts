// Where a piece of Envoy's configuration came from: the object and field that its metadata names, with their place where known.

import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { pathOf, pathText, refOf, refText, type ApiObject } from '../api/object.ts';
import { indexPath, originKey } from '../compile/origin.ts';
import type { StepOrigin } from './explanation.ts';

interface WithMetadata {
  readonly filterMetadata: Readonly<Record<string, JsonObject>>;
}

/** A field that metadata name: its path as the object has it now, and `bookinfo.yaml:12` where that is known. */
export interface Field {
  readonly path: string;
  readonly place: string | undefined;
}

/** Finds the field of `VirtualService/default/reviews` that a path of metadata leads to. */
export type Locate = (object: string, path: string) => Field;

export const nowhere: Locate = (_object, path) => ({ path: pathText(indexPath(undefined, pathOf(path))), place: undefined });

/** Fields of these objects, with their places where they were read from files. */
export function locateIn(objects: Iterable<ApiObject>): Locate {
  let byRef: Map<string, ApiObject> | undefined;
  return (object, text) => {
    byRef ??= new Map([...objects].map((each) => [refText(refOf(each)), each]));
    const found = byRef.get(object);
    const steps = indexPath(found, pathOf(text));
    const position = found?.origin.position(steps);
    return { path: pathText(steps), place: position && `${found?.origin.source}:${position.line}` };
  };
}

/** An object and field, with its place where that is known. */
export const stepOrigin = (object: string, text: string, locate: Locate): StepOrigin => {
  const { path, place } = locate(object, text);
  return { object, path, ...(place !== undefined && { place }) };
};

/** `VirtualService/default/reviews spec.http[0] (bookinfo.yaml:12)`. */
export const originWords = ({ object, path, place }: StepOrigin): string =>
  `${object}${path === '' ? '' : ` ${path}`}${place === undefined ? '' : ` (${place})`}`;

/** What metadata says: Lateen's own sources first, else the object that Istio names. */
export function originsOf(metadata: WithMetadata | undefined, locate: Locate): StepOrigin[] {
  const own = metadata?.filterMetadata[originKey];
  const sources = ['policy', 'source'].flatMap((key) => texts(own?.[key])).map((text) => sourceOf(text, locate));
  if (sources.length > 0) return sources;
  const config = metadata?.filterMetadata['istio']?.['config'];
  const named = typeof config === 'string' ? configOf(config) : undefined;
  return named === undefined ? [] : [stepOrigin(named, '', locate)];
}

const texts = (value: JsonValue | undefined): string[] =>
  typeof value === 'string' ? [value] : Array.isArray(value) ? value.flatMap((each) => texts(each)) : [];

/** `VirtualService/default/reviews#spec.http[0]`. */
function sourceOf(text: string, locate: Locate): StepOrigin {
  const hash = text.indexOf('#');
  return hash < 0 ? stepOrigin(text, '', locate) : stepOrigin(text.slice(0, hash), text.slice(hash + 1), locate);
}

/** `/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews` → `VirtualService/default/reviews`. */
function configOf(path: string): string | undefined {
  const [, namespace, kind, name] = /\/namespaces\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  if (namespace === undefined || kind === undefined || name === undefined) return undefined;
  const words = kind.split('-').map((word) => word.slice(0, 1).toUpperCase() + word.slice(1));
  return refText({ kind: words.join(''), namespace, name });
}

// Kinds and namespaces as people name them, resolved against the kinds that Lateen reads.

import { kindNamed, kindWords } from '../../api/index.ts';
import type { KindDefinition } from '../../api/kind.ts';
import type { ApiObject, ObjectRef } from '../../api/object.ts';
import { nearest } from '../../api/suggestion.ts';
import { parseSelector, type LabelTest } from '../selector.ts';
import { ApiError } from './refusal.ts';

/** `vs,dr` → their definitions. Refuses a word that names no kind. */
export function kindsNamed(text: string): KindDefinition[] {
  return text.split(',').map((word) => {
    const definition = kindNamed(word);
    if (definition !== undefined) return definition;
    const guess = nearest(word, kindWords());
    throw new ApiError(
      400,
      `there is no kind ${word}`,
      word === 'all'
        ? 'name the kinds, with commas: vs,dr,gw,svc,pods'
        : guess === undefined
          ? 'lateen get --help shows examples'
          : `did you mean ${guess}?`,
    );
  });
}

export function selectorOf(text: string | undefined): LabelTest {
  const test = parseSelector(text ?? '');
  if (test === undefined) throw new ApiError(400, `${text} is not a label selector`, 'write it as app=reviews,version!=v1');
  return test;
}

/** `virtualservice.networking.istio.io/reviews`, as kubectl prints it. */
export const printedName = ({ group, kind, name }: ObjectRef): string =>
  `${kind.toLowerCase()}${group === '' ? '' : `.${group}`}/${name}`;

/** An object's document as an API server would show it: with its namespace, also where its manifest names none. */
export function documentOf({ body, metadata: { namespace } }: ApiObject): Readonly<Record<string, unknown>> {
  const { metadata } = body as { metadata?: { name?: unknown; namespace?: unknown } };
  if (namespace === '' || metadata?.namespace !== undefined) return body;
  const { name, ...rest } = metadata ?? {};
  return { ...body, metadata: { name, namespace, ...rest } };
}

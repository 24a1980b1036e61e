// Fields of documents by pattern: where those stand that a table names, and that ask for something.

import { isRecord } from './fit.ts';
import type { Path } from './object.ts';

/** A table's entry: fields of one kind that it says something of. */
export interface FieldPatterns {
  /** As `kindId` says, or `MeshConfig`. */
  readonly kind: string;
  /** The parents under which the fields may stand; '' is the document itself. */
  readonly under: readonly string[];
  /** `servers[].tls.caCrl`: `[]` is each item of a list, `*` each field. */
  readonly fields: readonly string[];
}

/** The patterns of an entry, step by step. */
export const patternsOf = ({ under, fields }: Pick<FieldPatterns, 'under' | 'fields'>): readonly (readonly string[])[] =>
  under.flatMap((parent) => fields.map((field) => stepsOf(parent === '' ? field : `${parent}.${field}`)));

/** `servers[].tls` → `servers`, `[]`, `tls`. */
const stepsOf = (text: string): readonly string[] => text.replaceAll('[]', '.[]').split('.');

/** Where a pattern's fields stand in a document, of those that ask for something. */
export function* fieldsAt(value: unknown, [step, ...rest]: readonly string[], path: Path = []): Generator<Path> {
  if (step === undefined) {
    if (asksFor(value)) yield path;
  } else if (step === '[]') {
    if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* fieldsAt(item, rest, [...path, index]);
  } else if (isRecord(value)) {
    for (const name of step === '*' ? Object.keys(value) : [step])
      if (Object.hasOwn(value, name)) yield* fieldsAt(value[name], rest, [...path, name]);
  }
}

/** What is off, empty or 0 asks for nothing. */
function asksFor(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '' || value === 0) return false;
  return typeof value === 'object' ? Object.keys(value).length > 0 : true;
}

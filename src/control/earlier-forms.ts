// Forms of objects that are in effect though they are not the present ones, kept over a restart: a file in the state folder.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from '../api/decode.ts';
import { originOf, type ApiObject, type ObjectRef } from '../api/object.ts';

/** What is in effect instead of present forms. */
export interface EarlierForms {
  readonly forms: readonly ApiObject[];
  /** Objects that are not in effect at all yet. */
  readonly absent: readonly ObjectRef[];
}

const fileIn = (folder: string): string => join(folder, 'earlier-forms.json');

/** What was written last; nothing where there is no such file, or one that cannot be used: then present forms take effect. */
export function readEarlierForms(folder: string): EarlierForms {
  let written: { readonly forms?: unknown; readonly absent?: unknown };
  try {
    const json: unknown = JSON.parse(readFileSync(fileIn(folder), 'utf8'));
    written = typeof json === 'object' && json !== null ? json : {};
  } catch {
    return { forms: [], absent: [] };
  }
  const { forms, absent } = written;
  return {
    forms: recordsIn(forms).flatMap((document) => decode(document, originOf('store')).object ?? []),
    absent: recordsIn(absent).flatMap(refIn),
  };
}

const recordsIn = (list: unknown): Record<string, unknown>[] =>
  (Array.isArray(list) ? (list as unknown[]) : []).filter(
    (each): each is Record<string, unknown> => typeof each === 'object' && each !== null,
  );

function refIn({ group, kind, namespace, name }: Record<string, unknown>): ObjectRef[] {
  if (typeof group !== 'string' || typeof kind !== 'string' || typeof namespace !== 'string' || typeof name !== 'string')
    return [];
  return [{ group, kind, namespace, name }];
}

/** Replaces what was written before, whole or not at all. */
export function writeEarlierForms(folder: string, { forms, absent }: EarlierForms): void {
  const file = fileIn(folder);
  if (forms.length === 0 && absent.length === 0) return rmSync(file, { force: true });
  const documents = forms.map(({ body, metadata }) => ({ ...body, metadata }));
  writeFileSync(`${file}.new`, JSON.stringify({ forms: documents, absent }), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

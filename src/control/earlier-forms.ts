// Forms of objects that are in effect though they are not the present ones, kept over a restart: a file in the state folder.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from '../api/decode.ts';
import { originOf, type ApiObject } from '../api/object.ts';

const fileIn = (folder: string): string => join(folder, 'earlier-forms.json');

/** What was written last; nothing where there is no such file, or one that cannot be used: then present forms take effect. */
export function readEarlierForms(folder: string): ApiObject[] {
  let documents: unknown;
  try {
    documents = JSON.parse(readFileSync(fileIn(folder), 'utf8'));
  } catch {
    return [];
  }
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document: unknown) => {
    if (typeof document !== 'object' || document === null) return [];
    return decode(document as Record<string, unknown>, originOf('store')).object ?? [];
  });
}

/** Replaces what was written before, whole or not at all. */
export function writeEarlierForms(folder: string, forms: readonly ApiObject[]): void {
  const file = fileIn(folder);
  if (forms.length === 0) return rmSync(file, { force: true });
  writeFileSync(`${file}.new`, JSON.stringify(forms.map(({ body, metadata }) => ({ ...body, metadata }))), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

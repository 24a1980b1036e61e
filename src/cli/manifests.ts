// `-f` arguments as texts, for the verbs that send manifests to the running mesh.

import type { ApplyRequest } from '../control/api/contract.ts';
import { filesUnder, readText } from '../sources/file-tree.ts';
import { usageFailure } from './failure.ts';

export interface ReadManifests {
  readonly files: ApplyRequest['files'];
  /** Inputs that could not be read, each in one line. */
  readonly unread: readonly string[];
}

export function readManifests(paths: readonly string[] | undefined): ReadManifests {
  if (paths === undefined || paths.length === 0) throw usageFailure('no manifest given', 'name a file, a folder or - with -f');
  const tree = filesUnder(paths);
  const unread = tree.diagnostics.map(({ message }) => message);
  const files: { source: string; text: string }[] = [];
  for (const { path } of tree.files) {
    const text = readText(path);
    if (typeof text === 'string') files.push({ source: path, text });
    else unread.push(text.message);
  }
  return { files, unread };
}

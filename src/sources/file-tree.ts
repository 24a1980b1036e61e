// The YAML and JSON files under some paths, read as text: what `-f` means, to the files source and to every offline verb.

import { readFileSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Diagnostic } from '../api/diagnostic.ts';

interface FileEntry {
  /** As a person would write it: the given path, joined with what stands below it. `-` is standard input. */
  readonly path: string;
  /** Changes whenever the file's content may have. */
  readonly signature: string;
}

export interface FileTree {
  /** Sorted by path, each file once. */
  readonly files: readonly FileEntry[];
  /** Every folder that was looked into, for watching. */
  readonly folders: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

/** More than any manifest; keeps a mistaken path from filling the memory. */
const maxFileBytes = 64 * 1024 * 1024;

/** Of a folder's files, by name: tests of manifests (`*.test.yaml`) stand beside them. */
export const isManifest = (name: string): boolean => /\.(?:ya?ml|json)$/.test(name) && !/\.test\.ya?ml$/.test(name);

/** Lists files, folders (recursively; names that start with a dot are left alone) and `-`. */
export function filesUnder(paths: readonly string[]): FileTree {
  const files = new Map<string, FileEntry>();
  const folders = new Set<string>();
  const diagnostics: Diagnostic[] = [];

  const visit = (path: string, named: boolean): void => {
    if (path === '-') {
      files.set('-', { path, signature: '' });
      return;
    }
    try {
      const stat = statSync(path, { bigint: true });
      if (stat.isDirectory()) {
        // By its real path, so that a symbolic link to a parent ends.
        const real = realpathSync(path);
        if (folders.has(real)) return;
        folders.add(real);
        for (const name of readdirSync(path).sort()) if (!name.startsWith('.')) visit(join(path, name), false);
      } else if (named || (stat.isFile() && isManifest(path))) {
        const real = realpathSync(path);
        if (!files.has(real)) files.set(real, { path, signature: `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}` });
      }
    } catch (error) {
      // What a listing named and a stat does not find was deleted in between, or is a dangling link.
      if (named || codeOf(error) !== 'ENOENT') diagnostics.push(unreadable(path, error));
    }
  };
  for (const path of paths) visit(path, true);
  return {
    files: [...files.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)),
    folders: [...folders],
    diagnostics,
  };
}

/** A file's text, or why there is none. Standard input can be read once. */
export function readText(path: string): string | Diagnostic {
  try {
    if (path !== '-' && statSync(path).size > maxFileBytes) {
      return unreadable(path, new Error(`it is larger than ${maxFileBytes / 1024 / 1024} MiB`));
    }
    const bytes = readFileSync(path === '-' ? 0 : path);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    return unreadable(path, error);
  }
}

/** `LAT0100`: an input that is not there or cannot be read. */
function unreadable(path: string, error: unknown): Diagnostic {
  return {
    code: 'LAT0100',
    severity: 'error',
    path: [],
    message: `cannot read ${path === '-' ? 'standard input' : path}: ${reasons[codeOf(error)] ?? (error instanceof Error ? error.message : String(error))}`,
    help: 'give a file or folder that exists and that you may read',
    file: path,
  };
}

const codeOf = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
};

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission denied',
  ELOOP: 'its symbolic links lead in a circle',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
};

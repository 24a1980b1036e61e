// The manifests of some paths as a git revision has them.

import { execFileSync } from 'node:child_process';
import { dirname, relative, resolve } from 'node:path';
import { statSync } from 'node:fs';
import { isManifest } from '../../sources/file-tree.ts';
import { Failure } from '../failure.ts';

export interface RevisionFile {
  /** `main:manifests/web.yaml`. */
  readonly source: string;
  readonly text: string;
}

const isHidden = (name: string): boolean => /(?:^|\/)\./.test(name);

/** Throws `Failure` where git has no such revision; a path that is not in it has no files. */
export function filesAt(revision: string, paths: readonly string[]): RevisionFile[] {
  return paths.flatMap((path) => {
    if (path === '-') throw new Failure('standard input has no revision', 'name files or folders with -f');
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
    const root = git(isFolder ? path : dirname(path), ['rev-parse', '--show-toplevel']).trimEnd();
    // What begins with a dash would be an option of git's.
    const commit = git(
      root,
      ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`],
      `there is no revision ${revision}`,
    ).trimEnd();
    const within = relative(root, resolve(path));
    const listed = git(root, ['ls-tree', '-r', '-z', '--name-only', commit, '--', within === '' ? '.' : within]).split('\0');
    return listed
      .filter((name) => name !== '' && ((isManifest(name) && !isHidden(name)) || (!isFolder && name === within)))
      .sort()
      .map((name) => ({ source: `${revision}:${name}`, text: git(root, ['show', `${commit}:${name}`]) }));
  });
}

function git(folder: string, args: readonly string[], advice = 'is it in a git repository?'): string {
  try {
    return execFileSync('git', ['-C', folder, ...args], {
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    const { stderr = '' } = error as { readonly stderr?: string };
    throw new Failure(stderr.trim() || `git ${args[0]} failed`, advice);
  }
}

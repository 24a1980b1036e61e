// Test files, found and read: every test with its place, and what is wrong with the files, by file, line and column.

import { globSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Diagnostic } from '../../api/diagnostic.ts';
import { fit } from '../../api/fit.ts';
import type { Origin, Path } from '../../api/object.ts';
import { readText } from '../../sources/file-tree.ts';
import { readDocuments } from '../../sources/yaml.ts';
import { Failure } from '../failure.ts';
import { testFile, type TestCase } from './format.ts';

export interface FoundTest {
  readonly test: TestCase;
  readonly file: string;
  readonly line: number | undefined;
}

export interface FoundTests {
  readonly tests: readonly FoundTest[];
  readonly diagnostics: readonly Diagnostic[];
  /** Where the manifests are that the tests stand beside. */
  readonly folders: readonly string[];
}

/** What is named is read; of folders what is called `*.test.yaml`. Throws `Failure` where there is none. */
export function findTests(paths: readonly string[]): FoundTests {
  const files = new Set<string>();
  const folders = new Set<string>();
  for (const path of paths) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined)
      throw new Failure(`there is no file or folder ${path}`, 'name test files, or folders with *.test.yaml in them');
    const isFolder = found.isDirectory();
    folders.add(isFolder ? path : dirname(path));
    if (!isFolder) files.add(path);
    else for (const name of globSync('**/*.test.{yaml,yml}', { cwd: path }).sort()) files.add(join(path, name));
  }
  if (files.size === 0)
    throw new Failure(`there are no tests in ${paths.join(', ')}`, 'write them into a file *.test.yaml; lateen test --help');
  const read = [...files].map(readTests);
  return {
    tests: read.flatMap(({ tests }) => tests),
    diagnostics: read.flatMap(({ diagnostics }) => diagnostics),
    folders: [...folders],
  };
}

function readTests(file: string): Pick<FoundTests, 'tests' | 'diagnostics'> {
  const text = readText(file);
  if (typeof text !== 'string') return { tests: [], diagnostics: [text] };
  const { documents, diagnostics } = readDocuments(text, file);
  const read = documents.map(({ value, origin }) => testsOf(value, file, origin));
  return {
    tests: read.flatMap(({ tests }) => tests),
    diagnostics: [...diagnostics, ...read.flatMap((each) => each.diagnostics)],
  };
}

/** A test that is not understood to the last word is not run: what it would not look at would seem to hold. */
function testsOf(document: unknown, file: string, origin: Origin): Pick<FoundTests, 'tests' | 'diagnostics'> {
  const { value, findings } = fit(testFile, document);
  const diagnostics = findings.map(({ code, message, help, path }): Diagnostic => ({
    code,
    severity: 'error',
    path,
    message,
    help,
    file,
    ...origin.position(path),
  }));
  const bad = new Set(findings.map(({ path }) => (path[0] === 'tests' ? path[1] : undefined)));
  const { tests } = value as { readonly tests?: readonly TestCase[] };
  if (tests === undefined || bad.has(undefined)) return { tests: [], diagnostics };
  const place = (path: Path): number | undefined => origin.position(path)?.line;
  return {
    tests: tests.flatMap((test, index) => (bad.has(index) ? [] : [{ test, file, line: place(['tests', index]) }])),
    diagnostics,
  };
}

// What `lateen test` does: reads tests and manifests, asks, reports.

import { stringify } from 'yaml';
import { decode } from '../../api/decode.ts';
import { meshConfigDefaults } from '../../api/mesh-config.ts';
import type { ApiObject } from '../../api/object.ts';
import { loadFiles } from '../../sources/manifest.ts';
import { writeOptions } from '../../sources/yaml-scalars.ts';
import { noteErrors } from '../diagnostics.ts';
import { exitCode, Failure } from '../failure.ts';
import { meshConfigFor, meshNetworksFor } from '../mesh-inputs.ts';
import type { Terminal } from '../terminal.ts';
import type { TestOptions } from '../verbs/test.ts';
import { withAssumed } from '../why/assumed.ts';
import { meshWorld, type MeshWorld } from '../why/mesh-world.ts';
import { coverageOf } from './coverage.ts';
import { junit } from './junit.ts';
import { findTests } from './read.ts';
import { runTest, type TestReport } from './results.ts';
import { printReport } from './text.ts';

export async function runTests(paths: readonly string[], options: TestOptions, terminal: Terminal): Promise<number> {
  const { tests, diagnostics, folders } = findTests(paths);
  noteErrors(terminal, diagnostics);
  const files = options.file ?? folders;
  const { objects, world } = meshOfFiles(files, options, terminal);
  const results = tests.map((each) => runTest(each, world));
  const report: TestReport = {
    results,
    coverage: coverageOf(
      objects,
      results.flatMap(({ decided }) => decided),
    ),
  };
  const { output, verbose = false, coverage = false } = options;
  if (output === 'junit') terminal.line(junit(report));
  else if (output === 'json') terminal.line(JSON.stringify(plain(report), null, 2));
  else if (output === 'yaml') terminal.write(stringify(plain(report), writeOptions));
  else printReport(report, terminal, { verbose, coverage, files });
  return diagnostics.length > 0 || results.some(({ failures }) => failures.length > 0) ? exitCode.failed : exitCode.ok;
}

export interface FilesMesh {
  /** As they are written. */
  readonly objects: readonly ApiObject[];
  readonly world: MeshWorld;
}

/** The mesh that manifests describe, with what a running cluster would add. Throws `Failure` where there is none. */
export function meshOfFiles(
  files: readonly string[],
  { meshConfig: file }: { readonly meshConfig?: string },
  terminal?: Terminal,
): FilesMesh {
  const { objects, diagnostics } = loadFiles(files, decode);
  if (terminal !== undefined) noteErrors(terminal, diagnostics);
  if (objects.length === 0) throw new Failure(`there are no manifests in ${files.join(', ')}`, 'name them with -f');
  const all = withAssumed(objects).objects;
  const meshConfig = meshConfigFor(file, all)?.config ?? meshConfigDefaults();
  return { objects, world: meshWorld({ objects: all, meshConfig, meshNetworks: meshNetworksFor(undefined, all)?.networks }) };
}

const plain = ({ results, coverage }: TestReport): object => ({
  results: results.map(({ name, file, line, failures }) => ({
    name,
    file,
    ...(line !== undefined && { line }),
    passed: failures.length === 0,
    failures,
  })),
  coverage: {
    rules: coverage.rules,
    missed: coverage.missed.map(({ object, path, place }) => ({ object, path, ...(place !== undefined && { place }) })),
  },
});

// What `lateen test` does: reads tests and manifests, asks, reports.

import { noteErrors } from '../diagnostics.ts';
import { exitCode } from '../failure.ts';
import { givenMesh, objectsIn } from '../given-mesh.ts';
import { isStructured, printStructured } from '../structured.ts';
import type { Terminal } from '../terminal.ts';
import type { TestOptions } from '../verbs/test.ts';
import { meshWorld } from '../why/mesh-world.ts';
import { coverageOf } from './coverage.ts';
import { junit } from './junit.ts';
import { findTests } from './read.ts';
import { runTest, type TestReport } from './results.ts';
import { printReport } from './text.ts';

export async function runTests(paths: readonly string[], options: TestOptions, terminal: Terminal): Promise<number> {
  const { tests, diagnostics, folders } = findTests(paths);
  noteErrors(terminal, diagnostics);
  const files = options.file ?? folders;
  const mesh = givenMesh(objectsIn(files, terminal), options, terminal);
  const world = meshWorld(mesh);
  const results = tests.map((each) => runTest(each, world));
  const report: TestReport = {
    results,
    coverage: coverageOf(
      mesh.written,
      results.flatMap(({ decided }) => decided),
    ),
  };
  const { output, verbose = false, coverage = false } = options;
  if (output === 'junit') terminal.line(junit(report));
  else if (isStructured(output)) await printStructured(plain(report), output, terminal);
  else printReport(report, terminal, { verbose, coverage, files });
  return diagnostics.length > 0 || results.some(({ failures }) => failures.length > 0) ? exitCode.failed : exitCode.ok;
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

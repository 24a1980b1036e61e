// Results as JUnit's XML, which every pipeline reads: a suite for each file.

import type { TestReport, TestResult } from './results.ts';

export function junit({ results }: TestReport): string {
  const failed = (those: readonly TestResult[]): number => those.filter(({ failures }) => failures.length > 0).length;
  const suites = [...Map.groupBy(results, ({ file }) => file)].flatMap(([file, own]) => [
    `  <testsuite name="${escaped(file)}" tests="${own.length}" failures="${failed(own)}">`,
    ...own.flatMap(caseLines),
    '  </testsuite>',
  ]);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="lateen test" tests="${results.length}" failures="${failed(results)}">`,
    ...suites,
    '</testsuites>',
  ].join('\n');
}

function caseLines({ name, file, line, failures }: TestResult): string[] {
  const head = `    <testcase name="${escaped(name)}" classname="${escaped(file)}" file="${escaped(file)}"${line === undefined ? '' : ` line="${line}"`}`;
  const [first] = failures;
  if (first === undefined) return [`${head}/>`];
  return [`${head}>`, `      <failure message="${escaped(first)}">${escaped(failures.join('\n'))}</failure>`, '    </testcase>'];
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\n': '&#10;',
};

/** Control characters are no XML at all (XML 1.0, 2.2). */
const escaped = (text: string): string =>
  text.replaceAll(/[&<>"'\n]/g, (sign) => entities[sign] ?? '').replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD]/g, '\uFFFD');

// An analysis as SARIF 2.1.0, the form in which code hosts and editors take findings.

import { pathToFileURL } from 'node:url';
import { codes, type Code } from '../../api/codes.ts';
import type { Finding } from './report.ts';

const levels = { error: 'error', warning: 'warning', info: 'note' } as const;

export function sarif(findings: readonly Finding[], version: string): Readonly<Record<string, unknown>> {
  const ids = [...new Set(findings.map(({ code }) => code))].sort();
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'lateen',
            version,
            rules: ids.map((id) => ({ id, shortDescription: { text: titleOf(id) } })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding) => ({
          ruleId: finding.code,
          ruleIndex: ids.indexOf(finding.code),
          level: levels[finding.severity],
          message: { text: finding.help === '' ? finding.message : `${finding.message}. To mend it: ${finding.help}` },
          locations: [locationOf(finding)],
        })),
      },
    ],
  };
}

const titleOf = (id: string): string => (id in codes ? codes[id as Code] : id);

function locationOf({ file, line, column, object, path }: Finding): Readonly<Record<string, unknown>> {
  const name = [object ?? '', path].filter((part) => part !== '').join(' ');
  return {
    ...(file !== undefined &&
      file !== '-' && {
        physicalLocation: {
          artifactLocation: {
            uri: file.startsWith('/') ? pathToFileURL(file).href : file.split('/').map(encodeURIComponent).join('/'),
          },
          ...(line !== undefined && { region: { startLine: line, ...(column !== undefined && { startColumn: column }) } }),
        },
      }),
    ...(name !== '' && { logicalLocations: [{ fullyQualifiedName: name, kind: 'resource' }] }),
  };
}

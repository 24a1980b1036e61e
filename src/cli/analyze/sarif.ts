// An analysis as SARIF 2.1.0, the form in which code hosts and editors take findings. Holds what GitHub's code scanning asks for
// beyond the standard: texts of rules, whole regions, paths below the folder that it is run in, fingerprints that lines do not move.

import { createHash } from 'node:crypto';
import { isAbsolute, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { codes, type Code } from '../../api/codes.ts';
import type { Finding } from './report.ts';

const levels = { error: 'error', warning: 'warning', info: 'note' } as const;

/** `folder`: what paths are told from, the root of a checkout where a pipeline runs. */
export function sarif(findings: readonly Finding[], version: string, folder: string): Readonly<Record<string, unknown>> {
  const ids = [...new Set(findings.map(({ code }) => code))].sort();
  const prints = fingerprints(findings);
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'lateen', version, rules: ids.map(ruleOf) } },
        automationDetails: { id: 'lateen-analyze/' },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding, index) => ({
          ruleId: finding.code,
          ruleIndex: ids.indexOf(finding.code),
          level: levels[finding.severity],
          message: { text: finding.help === '' ? finding.message : `${finding.message}. To mend it: ${finding.help}` },
          locations: [locationOf(finding, folder)],
          partialFingerprints: { primaryLocationLineHash: prints[index] },
        })),
      },
    ],
  };
}

function ruleOf(id: string): Readonly<Record<string, unknown>> {
  const title = id in codes ? codes[id as Code] : id;
  return {
    id,
    name: id,
    shortDescription: { text: title },
    fullDescription: { text: title },
    help: { text: `${title}. What it means, an example and what to do: docs/reference/codes/${id}.md of Lateen.` },
  };
}

/** The same finding keeps its own while lines move; equal ones are counted. */
function fingerprints(findings: readonly Finding[]): string[] {
  const seen = new Map<string, number>();
  return findings.map(({ code, object = '', path, file = '' }) => {
    const subject = object === '' ? file : object;
    const hash = createHash('sha256').update(`${code} ${subject} ${path}`).digest('hex').slice(0, 16);
    const count = (seen.get(hash) ?? 0) + 1;
    seen.set(hash, count);
    return `${hash}:${count}`;
  });
}

function locationOf({ file, line, column = 1, object, path }: Finding, folder: string): Readonly<Record<string, unknown>> {
  const name = [object ?? '', path].filter((part) => part !== '').join(' ');
  return {
    ...(file !== undefined &&
      file !== '-' && {
        physicalLocation: {
          artifactLocation: { uri: uriOf(file, folder) },
          // Where it begins is known, and no more: one character of it.
          region: { startLine: line ?? 1, startColumn: column, endLine: line ?? 1, endColumn: column + 1 },
        },
      }),
    ...(name !== '' && { logicalLocations: [{ fullyQualifiedName: name, kind: 'resource' }] }),
  };
}

/** Below the folder a path of its own, elsewhere the file's URL. */
function uriOf(file: string, folder: string): string {
  const from = relative(folder, resolve(folder, file));
  if (from.startsWith('..') || isAbsolute(from)) return pathToFileURL(resolve(folder, file)).href;
  return from.split('/').map(encodeURIComponent).join('/');
}

// A disagreement that was found, kept as a case: a scene, a request and what the real proxy did with it, in one YAML file.

import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join, relative } from 'node:path';
import { Document as YamlDocument, parse } from 'yaml';
import type { Request } from '../../../src/explain/request.ts';
import { writeOptions } from '../../../src/sources/yaml-scalars.ts';
import type { Disagreement } from './differential.ts';
import type { Observed } from './real-proxy.ts';
import type { Scene } from './world.ts';

export interface ExplainCase {
  /** What it shows, in one sentence. */
  readonly about: string;
  readonly scene: Scene;
  readonly request: Request;
  /** What the real proxy did. */
  readonly observed: Observed;
}

const folder = join(import.meta.dirname, '../../behaviour/differences');

export const explainCases = (): (ExplainCase & { readonly name: string })[] =>
  globSync('*.yaml', { cwd: folder })
    .sort()
    .map((name) => ({ name: name.replace(/\.yaml$/, ''), ...(parse(readFileSync(join(folder, name), 'utf8')) as ExplainCase) }));

/** Writes it under a name that its content gives; answers the file. */
export function writeCase(scene: Scene, { request, observed, differences }: Disagreement): string | undefined {
  if (request === undefined || observed === undefined) return undefined;
  const text = caseText({ about: `To be named: ${differences[0] ?? ''}`, scene, request, observed });
  const name = `found-${createHash('sha256').update(text).digest('hex').slice(0, 8)}.yaml`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), text);
  return relative(process.cwd(), join(folder, name));
}

/** Each document and each part of what was observed in a line of its own. */
function caseText({ about, scene, request, observed }: ExplainCase): string {
  const { answer, record, connection, arrivals } = steady(observed);
  const document = new YamlDocument({ about, scene: { ...scene, documents: [] }, request: {}, observed: {} });
  const inLine = (value: unknown) => document.createNode(value, { flow: true, aliasDuplicateObjects: false });
  document.setIn(['scene', 'mesh'], inLine(scene.mesh));
  document.setIn(['scene', 'documents'], document.createNode([]));
  for (const each of scene.documents) document.addIn(['scene', 'documents'], inLine(each));
  document.set('request', inLine(request));
  for (const [name, value] of Object.entries({ answer, record, connection, arrivals })) {
    if (value !== undefined) document.setIn(['observed', name], inLine(value));
  }
  return document.toString({ ...writeOptions, flowCollectionPadding: false });
}

/** Without what differs from run to run. */
function steady({ answer, record, connection, arrivals }: Observed): Observed {
  const still = <Record extends NonNullable<Observed['record']>>(given: Record | undefined) =>
    given && { ...given, generation: 0, peer: '' };
  const kept = (headers: readonly (readonly [string, string])[]) =>
    headers.filter(
      ([name]) => !/^(?:date|x-request-id|x-case|x-envoy-upstream-service-time|x-forwarded-client-cert)$/i.test(name),
    );
  return {
    answer: answer.kind === 'response' ? { ...answer, headers: kept(answer.headers) } : answer,
    record: still(record),
    connection: still(connection),
    arrivals: arrivals.map((arrival) => ({ ...arrival, headers: kept(arrival.headers) })),
  };
}

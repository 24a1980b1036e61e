// What each code means, from scripts/code-pages, with an example that is analysed as `lateen analyze --whole` does. Read by the script
// that writes the pages, and by the test that holds them.

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { decode } from '../../src/api/decode.ts';
import type { Diagnostic } from '../../src/api/diagnostic.ts';
import { isRecord } from '../../src/api/fit.ts';
import { kindNamed } from '../../src/api/index.ts';
import { refKey, refOf, type ApiObject } from '../../src/api/object.ts';
import { meshConfigDefaults } from '../../src/api/mesh-config.ts';
import { reportText } from '../../src/cli/analyze/text.ts';
import { findingOf } from '../../src/cli/analyze/report.ts';
import { configuresNothing } from '../../src/cli/compile/remote-cluster.ts';
import { analyze } from '../../src/explain/analyze/analyze.ts';
import { duplicateOf, readManifest } from '../../src/sources/manifest.ts';
import { readMeshConfig, readMeshNetworks } from '../../src/sources/mesh-config.ts';
import { writeOptions } from '../../src/sources/yaml-scalars.ts';
import { recordedTerminal } from './terminal.ts';

type Json = Readonly<Record<string, unknown>>;

/** One code as scripts/code-pages has it: with an example, or with a sentence on when it is said. */
export interface CodeEntry {
  readonly code: string;
  readonly means: string;
  readonly mend: string;
  readonly when?: string;
  readonly example?: readonly Json[];
  /** An example that is no good YAML. */
  readonly text?: string;
  readonly meshConfig?: Json;
  readonly meshNetworks?: Json;
  readonly remote?: Readonly<Record<string, readonly Json[]>>;
}

const folder = join(import.meta.dirname, '../../scripts/code-pages');

export function codeEntries(): CodeEntry[] {
  return globSync('*.yaml', { cwd: folder })
    .sort()
    .flatMap((name) =>
      Object.entries(parse(readFileSync(join(folder, name), 'utf8')) as Readonly<Record<string, Omit<CodeEntry, 'code'>>>).map(
        ([code, entry]) => ({ ...entry, code }),
      ),
    );
}

export interface ExampleFile {
  readonly name: string;
  readonly text: string;
  /** How the command line names it. */
  readonly option: string;
}

/** The files of an example; none where a code is not said of manifests. */
export function exampleFiles({ example, text, meshConfig, meshNetworks, remote = {} }: CodeEntry): ExampleFile[] {
  const manifests = text ?? (example ?? []).map((given) => stringify(documentOf(given), writeOptions)).join('---\n');
  return [
    ...(manifests === '' ? [] : [{ name: 'example.yaml', text: manifests, option: '-f example.yaml' }]),
    ...(meshConfig ? [{ name: 'mesh.yaml', text: stringify(meshConfig, writeOptions), option: '--mesh-config mesh.yaml' }] : []),
    ...(meshNetworks
      ? [{ name: 'networks.yaml', text: stringify(meshNetworks, writeOptions), option: '--mesh-networks networks.yaml' }]
      : []),
    ...Object.entries(remote).map(([id, list]) => ({
      name: `${id}.yaml`,
      text: list.map((given) => stringify(documentOf(given), writeOptions)).join('---\n'),
      option: `--remote-cluster ${id}=${id}.yaml`,
    })),
  ];
}

/** What analysing an example finds, all of it. */
export function exampleFindings(entry: CodeEntry): Diagnostic[] {
  const files = new Map(exampleFiles(entry).map(({ name, text }) => [name, text]));
  const read = (name: string) => readManifest(files.get(name) ?? '', name, decode);
  const objectsIn = (name: string) => read(name).items.flatMap(({ object }) => object ?? []);
  const wrongIn = (name: string) => [...read(name).diagnostics, ...read(name).items.flatMap(({ diagnostics }) => diagnostics)];
  const remotes = Object.keys(entry.remote ?? {});
  const mesh = files.has('mesh.yaml') ? readMeshConfig(files.get('mesh.yaml') ?? '', 'mesh.yaml') : undefined;
  const networks = files.has('networks.yaml') ? readMeshNetworks(files.get('networks.yaml') ?? '', 'networks.yaml') : undefined;
  const { kept, twins } = apart(objectsIn('example.yaml'));
  const { diagnostics } = analyze(
    {
      objects: kept,
      meshConfig: mesh?.config ?? meshConfigDefaults(),
      meshNetworks: networks?.networks,
      remote: new Map(remotes.map((id) => [id, objectsIn(`${id}.yaml`)])),
      whole: true,
    },
    {
      found: [
        ...wrongIn('example.yaml'),
        ...twins,
        ...remotes.flatMap((id) => [...wrongIn(`${id}.yaml`), ...configuresNothing(id, objectsIn(`${id}.yaml`))]),
        ...(mesh?.diagnostics ?? []),
        ...(networks?.diagnostics ?? []),
      ],
    },
  );
  return [...diagnostics];
}

/** Of objects with one name the first, and what is said of the others. */
function apart(objects: readonly ApiObject[]): { readonly kept: readonly ApiObject[]; readonly twins: readonly Diagnostic[] } {
  const kept = new Map<string, ApiObject>();
  const twins = objects.flatMap((object) => {
    const key = refKey(refOf(object));
    const first = kept.get(key);
    if (first === undefined) kept.set(key, object);
    return first === undefined ? [] : [duplicateOf(first, object)];
  });
  return { kept: [...kept.values()], twins };
}

/** The findings of one code as the command prints them. */
export function exampleOutput(entry: CodeEntry): string {
  const findings = exampleFindings(entry)
    .filter(({ code }) => code === entry.code)
    .map(findingOf);
  const report = { objects: 0, findings, suppressed: 0, skipped: [], referencesChecked: true };
  return reportText(report, findings, recordedTerminal().terminal).split('\n').slice(0, -2).join('\n');
}

/** `{VirtualService shop.web: {hosts: …}}` → the document; whole documents stay. */
function documentOf(given: Json): Json {
  if ('apiVersion' in given) return given;
  const [[subject, value] = ['', {}]] = Object.entries(given);
  const [word = '', whom = ''] = subject.split(' ');
  const definition = kindNamed(word);
  if (definition === undefined) throw new Error(`${subject}: there is no kind ${word}`);
  const { group, kind, versions } = definition;
  const [name = '', namespace] = whom.split('.');
  const { $labels, $annotations, ...spec } = (isRecord(value) ? value : {}) as Json;
  const pod = kind === 'Pod' && !('containers' in spec) ? { ...spec, containers: [{ name: 'app', image: 'app' }] } : spec;
  return {
    apiVersion: group === '' ? versions[0] : `${group}/${versions[0]}`,
    kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...($labels !== undefined && { labels: $labels }),
      ...($annotations !== undefined && { annotations: $annotations }),
    },
    ...(Object.keys(pod).length > 0 && { spec: pod }),
  };
}

// The files that are to be analysed: their objects, what is wrong with them one by one, and what is no business of a mesh.

import { decode } from '../../api/decode.ts';
import type { Diagnostic } from '../../api/diagnostic.ts';
import { isRecord } from '../../api/fit.ts';
import { meshConfigDefaults } from '../../api/mesh-config.ts';
import type { AnalysisInput, OtherPods } from '../../explain/analyze/input.ts';
import { loadFiles, type LoadedFiles } from '../../sources/manifest.ts';
import type { SourceDocument } from '../../sources/yaml.ts';
import { meshConfigFor, meshNetworksFor, remoteClusters, type ClusterOptions } from '../mesh-inputs.ts';
import { strangeness, type Skipped } from './report.ts';

export interface ReadOptions extends ClusterOptions {
  readonly meshConfig?: string;
  readonly meshNetworks?: string;
  readonly whole?: boolean;
}

export interface ReadFiles {
  readonly input: AnalysisInput;
  readonly found: readonly Diagnostic[];
  readonly skipped: readonly Skipped[];
}

export function readFiles(paths: readonly string[], options: ReadOptions): ReadFiles {
  const primary = loadFiles(paths, decode);
  const remotes = remoteClusters(options);
  const mesh = meshConfigFor(options.meshConfig, primary.objects);
  const networks = meshNetworksFor(options.meshNetworks, primary.objects);
  return {
    input: {
      objects: primary.objects,
      meshConfig: mesh?.config ?? meshConfigDefaults(),
      meshNetworks: networks?.networks,
      clusterId: options.clusterId,
      remote: new Map(remotes.map(({ id, objects }) => [id, objects])),
      whole: options.whole ?? false,
      otherPods: primary.strangers.flatMap(podsOf),
    },
    found: [...[primary, ...remotes].flatMap(ofObjects), ...(mesh?.diagnostics ?? []), ...(networks?.diagnostics ?? [])],
    skipped: [
      ...primary.strangers.map(({ value, origin }) => {
        const line = origin.position([])?.line;
        return { file: origin.source, ...(line !== undefined && { line }), what: strangeness(value) };
      }),
      ...primary.templates.map((file) => ({ file, what: 'a template, not YAML' })),
    ],
  };
}

const strange = new Set(['LAT1000', 'LAT1005']);

/** What is wrong with objects: what is no object is skipped, and no mistake. */
const ofObjects = ({ diagnostics, templates }: LoadedFiles): Diagnostic[] =>
  diagnostics.filter(({ code, file = '' }) => !strange.has(code) && !(code === 'LAT0101' && templates.includes(file)));

/** Pods that a document's kind makes, wherever Kubernetes' kinds and their likes have the template. */
function podsOf({ value }: SourceDocument): OtherPods[] {
  const { metadata, spec } = value;
  if (!isRecord(metadata) || !isRecord(spec)) return [];
  const job = isRecord(spec['jobTemplate']) ? spec['jobTemplate']['spec'] : spec;
  const template = isRecord(job) ? job['template'] : undefined;
  if (!isRecord(template) || !isRecord(template['metadata'])) return [];
  const pod = isRecord(template['spec']) ? template['spec'] : {};
  const labels = isRecord(template['metadata']['labels']) ? template['metadata']['labels'] : {};
  const text = (given: unknown, absent: string): string => (typeof given === 'string' ? given : absent);
  return [
    {
      namespace: text(metadata['namespace'], 'default'),
      labels: Object.fromEntries(Object.entries(labels).map(([key, label]) => [key, String(label)])),
      serviceAccount: text(pod['serviceAccountName'], 'default'),
    },
  ];
}

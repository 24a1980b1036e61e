// A golden case: one YAML file with a proxy, its input and what must come of it. Read by the golden runner and by the check with Envoy.

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { decode, type Decoded } from '../../src/api/decode.ts';
import { diagnosticText, type Diagnostic } from '../../src/api/diagnostic.ts';
import { meshConfigOf } from '../../src/api/mesh-config.ts';
import { meshNetworksOf } from '../../src/api/mesh-networks.ts';
import { originOf, pathText, refText, type ApiObject } from '../../src/api/object.ts';
import { workloadProxy } from '../../src/cli/compile/workload-node.ts';
import { compileProxy, type Compiled } from '../../src/compile/compile.ts';
import type { Delivery, ProxyNode } from '../../src/compile/configuration.ts';
import { parseNode } from '../../src/compile/node.ts';
import { parts, type Part } from '../../src/control/configuration-parts.ts';
import { resourcesJson } from '../../src/control/resource-json.ts';
import { writeOptions } from '../../src/sources/yaml-scalars.ts';

/** The first document of a case's file; the second is `expect`. */
interface Given {
  /** What the case shows, in one sentence. */
  readonly about: string;
  /** `workload: NAME[.NS]` takes the node from a Pod or template of the input; `node` is an Envoy node. */
  readonly proxy: { readonly workload?: string; readonly node?: Readonly<Record<string, unknown>> };
  /** Default: eager. */
  readonly delivery?: Delivery;
  readonly meshConfig?: Readonly<Record<string, unknown>>;
  readonly meshNetworks?: Readonly<Record<string, unknown>>;
  /**
   * What the expected part holds: parts (`routes`), or single resources of them by name (`clusters: ["outbound|80||a.*"]`, `*` stands
   * for anything). Diagnostics are always there.
   */
  readonly show: Readonly<Partial<Record<Part, readonly string[]>>>;
  /** Names of routes, clusters and endpoints that are referred to and meant to be missing. */
  readonly missing?: readonly string[];
  readonly input: readonly Readonly<Record<string, unknown>>[];
  /** Documents of other clusters, by their names. */
  readonly remote?: Readonly<Record<string, Given['input']>>;
}

export interface GoldenCase {
  readonly name: string;
  readonly file: string;
  readonly given: Given;
  /** The first document as it is written. */
  readonly head: string;
  /** The second, as it is written: YAML after `---`. */
  readonly expected: string;
}

const root = join(import.meta.dirname, '../golden/cases');

export function goldenCases(): GoldenCase[] {
  return globSync('**/*.yaml', { cwd: root })
    .sort()
    .map((name) => {
      const file = join(root, name);
      const text = readFileSync(file, 'utf8');
      const [head = '', expected = ''] = text.split(/^---\n/m);
      const [document] = parseAllDocuments(head);
      if (document === undefined || document.errors.length > 0) throw new Error(`${name}: ${String(document?.errors[0])}`);
      return { name: name.replace(/\.yaml$/, ''), file, given: document.toJS() as Given, head, expected };
    });
}

export interface Outcome {
  readonly compiled: Compiled;
  readonly diagnostics: readonly Diagnostic[];
}

/** Compiles a case's input; `turned` gives the documents last first, which must change nothing. */
export function compileCase({ name, given }: GoldenCase, turned = false): Outcome {
  const read = (documents: Given['input']) =>
    (turned ? documents.toReversed() : documents).map((document) => decode(document, originOf('input')));
  const decoded = read(given.input);
  const remote = Object.entries(given.remote ?? {}).map(([id, documents]) => [id, read(documents)] as const);
  const objects = objectsOf(decoded);
  const mesh = meshConfigOf(given.meshConfig ?? {});
  const { networks, findings } = meshNetworksOf(given.meshNetworks ?? {});
  const proxy = proxyOf(given, objects);
  const compiled = compileProxy({
    objects: proxy.objects,
    meshConfig: mesh.config,
    meshNetworks: networks,
    remote: new Map((turned ? remote.toReversed() : remote).map(([id, list]) => [id, objectsOf(list)])),
    node: proxy.node,
    ...(given.delivery && { delivery: given.delivery }),
  });
  const wrong = [...decoded, ...remote.flatMap(([, list]) => list)].flatMap(({ diagnostics }) => diagnostics);
  const wrongMesh = [...mesh.findings, ...findings].map(({ message }) => message);
  if (wrongMesh.length > 0) throw new Error(`${name}: mesh: ${wrongMesh.join('; ')}`);
  return { compiled, diagnostics: [...wrong, ...compiled.diagnostics] };
}

const objectsOf = (decoded: readonly Decoded[]): ApiObject[] => decoded.flatMap(({ object }) => object ?? []);

function proxyOf({ proxy }: Given, objects: readonly ApiObject[]): { node: ProxyNode; objects: readonly ApiObject[] } {
  if (proxy.node === undefined) {
    const { node, pod } = workloadProxy(objects, proxy.workload ?? '', 'cluster.local');
    return { node, objects: pod === undefined ? objects : [...objects, pod] };
  }
  const node = parseNode(proxy.node);
  if (typeof node === 'string') throw new Error(node);
  return { node, objects };
}

/** The expected document that an outcome would have. */
export async function expectedText({ given }: GoldenCase, { compiled, diagnostics }: Outcome): Promise<string> {
  const shown = (part: Part) => compiled[part].filter(({ name }) => shows(given.show[part], name));
  const json = await resourcesJson({
    listeners: shown('listeners'),
    routes: shown('routes'),
    clusters: shown('clusters'),
    endpoints: shown('endpoints'),
    secrets: shown('secrets'),
  });
  const lines = diagnostics.map(diagnosticLine).sort();
  const expect: Record<string, unknown> = {
    ...(lines.length > 0 && { diagnostics: lines }),
    ...Object.fromEntries(parts.filter((part) => given.show[part] !== undefined).map((part) => [part, json[part]])),
  };
  return stringify({ expect }, writeOptions);
}

/** `CODE Kind/ns/name path: message`. */
function diagnosticLine(diagnostic: Diagnostic): string {
  const { code, object, path, message } = diagnostic;
  if (object === undefined) return diagnosticText(diagnostic);
  return `${[code, refText(object), pathText(path)].filter(Boolean).join(' ')}: ${message}`;
}

function shows(patterns: readonly string[] | undefined, name: string): boolean {
  if (patterns === undefined) return false;
  return patterns.length === 0 || patterns.some((pattern) => wildcard(pattern).test(name));
}

/** A pattern in which `*` stands for anything, and every other character for itself. */
const wildcard = (pattern: string): RegExp =>
  new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`);

// A behaviour case: one YAML file with objects and questions, then what becomes of each. Read by the behaviour runner.

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { decode } from '../../src/api/decode.ts';
import { meshConfigOf } from '../../src/api/mesh-config.ts';
import { originOf } from '../../src/api/object.ts';
import { ask, nameFor, type Answer } from '../../src/cli/why/ask.ts';
import { withAssumed } from '../../src/cli/why/assumed.ts';
import { mannerOf } from '../../src/cli/why/manner.ts';
import { meshWorld, type MeshWorld } from '../../src/cli/why/mesh-world.ts';
import { questionOf } from '../../src/cli/why/question.ts';
import type { Delivery } from '../../src/compile/configuration.ts';
import type { Ending } from '../../src/explain/ending.ts';
import type { Step } from '../../src/explain/explanation.ts';
import type { Journey } from '../../src/explain/journey.ts';
import { percentText } from '../../src/explain/passage.ts';
import { writeOptions } from '../../src/sources/yaml-scalars.ts';

interface Asked {
  /** As after `lateen why`: `GET http://reviews:9080/`, `tcp db:5432`, `dns db`. */
  readonly why: string;
  readonly from?: string;
  readonly gateway?: string;
  readonly namespace?: string;
  readonly headers?: readonly string[];
  readonly sni?: string;
  readonly alpn?: string;
  readonly sourceIp?: string;
  readonly identity?: string;
  readonly jwt?: Readonly<Record<string, unknown>>;
  readonly http10?: boolean;
  readonly http2?: boolean;
}

/** The first document of a case's file; the second is `expect`. */
interface Given {
  /** What the case shows, in one sentence. */
  readonly about: string;
  readonly meshConfig?: Readonly<Record<string, unknown>>;
  /** How proxies come by their clusters. Default: eager. */
  readonly delivery?: Delivery;
  readonly input: readonly Readonly<Record<string, unknown>>[];
  readonly ask: readonly Asked[];
}

export interface BehaviourCase {
  readonly name: string;
  readonly file: string;
  readonly given: Given;
  readonly head: string;
  readonly expected: string;
}

const root = join(import.meta.dirname, '../behaviour/cases');

export function behaviourCases(): BehaviourCase[] {
  return globSync('**/*.yaml', { cwd: root })
    .sort()
    .map((name) => {
      const file = join(root, name);
      const [head = '', expected = ''] = readFileSync(file, 'utf8').split(/^---\n/m);
      const [document] = parseAllDocuments(head);
      if (document === undefined || document.errors.length > 0) throw new Error(`${name}: ${String(document?.errors[0])}`);
      return { name: name.replace(/\.yaml$/, ''), file, given: document.toJS() as Given, head, expected };
    });
}

/** The expected document that a case's objects make true. */
export function behaviourText({ name, given }: BehaviourCase): string {
  const decoded = given.input.map((document) => decode(document, originOf('input')));
  const wrong = decoded.flatMap(({ diagnostics }) => diagnostics).filter(({ severity }) => severity === 'error');
  if (wrong.length > 0) throw new Error(`${name}: ${wrong.map(({ message }) => message).join('; ')}`);
  const { objects } = withAssumed(decoded.flatMap(({ object }) => object ?? []));
  const { config: meshConfig } = meshConfigOf(given.meshConfig ?? {});
  const world = meshWorld({ objects, meshConfig, delivery: given.delivery });
  return stringify({ expect: given.ask.map((each) => answerOf(each, world)) }, writeOptions);
}

function answerOf(asked: Asked, world: MeshWorld): Readonly<Record<string, unknown>> {
  const question = questionOf(asked.why.split(' '));
  const { from, gateway, namespace = 'default' } = asked;
  const who = gateway ?? from;
  const caller = who === undefined ? world.plainProxy(namespace) : world.proxyOf(who);
  if (question.kind === 'happened') throw new Error('only what may happen is asked');
  if (question.kind === 'dns') return { why: asked.why, name: nameFor(question.name, caller.namespace, world).text };
  const { jwt, headers = [], ...rest } = asked;
  const manner = mannerOf({ ...rest, header: headers, output: 'text' }, jwt);
  const { name, journey, endings }: Answer = ask(question, caller, manner, world);
  return {
    why: asked.why,
    ...(journey === undefined && { name: name?.text }),
    ends: endings.map(endText),
    ...(journey !== undefined && { way: wayOf(journey) }),
  };
}

function endText({ share, kind, proxy, cluster, status, flags, because }: Ending): string {
  const words =
    kind === 'arrives'
      ? `arrives at ${cluster}`
      : `${kind}${status === undefined ? '' : ` ${status}`}${flags === '' ? '' : ` ${flags}`}: ${because}`;
  return `${share > 0.9999 ? '' : `${percentText(share)} `}${proxy}: ${words}`;
}

/** What decides, proxy by proxy; what happens otherwise stands below it. */
function wayOf({ proxy, explanation, onward, otherwise }: Journey): Record<string, unknown> {
  return {
    proxy: explanation.probability < 1 ? `${proxy} (${percentText(explanation.probability)})` : proxy,
    steps: explanation.steps.flatMap(stepLines),
    ...(explanation.missing.length > 0 && { missing: explanation.missing }),
    ...(otherwise.length > 0 && { otherwise: otherwise.map(wayOf) }),
    ...(onward.length > 0 && {
      onward: onward.map(({ refusal, journey }) => (refusal === undefined ? wayOf(journey) : { refusal })),
    }),
  };
}

const stepLines = ({ text, details, origins, kind }: Step): string[] => [
  [text, ...origins.map(({ object, path }) => `← ${object}${path === '' ? '' : ` ${path}`}`)].join(' '),
  ...(kind === 'cluster' ? [] : details.map((each) => `  ${each}`)),
];

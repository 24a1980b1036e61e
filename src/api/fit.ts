// Fits a document to a schema in one walk: drops nulls and unknown fields as the Kubernetes API does, and says all that is wrong.
//
// TypeBox's own compiler answers yes or no; here every breach needs a path, a suggestion and a severity, and values are pruned
// on the way, so the schema is walked directly (and its compiler stays the oracle of the tests).

import { error, warning } from './finding.ts';
import type { Finding } from './kind.ts';
import { pathText, type Path } from './object.ts';
import { nearest } from './suggestion.ts';

/** The part of JSON Schema that the schemas of this room use. */
interface Node {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly patternProperties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly description?: string;
  readonly quoted?: boolean;
  /** No message shows the value. */
  readonly writeOnly?: boolean;
}

/** Deeper than any kind nests; free-form values beyond it are refused, so no reader of them needs to fear recursion. */
const maxDepth = 100;

interface Walk {
  readonly findings: Finding[];
}

/** The value as far as the schema knows it, and everything that does not fit. The given value is not changed. */
export function fit(
  schema: object,
  value: unknown,
  path: Path = [],
): { readonly value: unknown; readonly findings: readonly Finding[] } {
  const walk: Walk = { findings: [] };
  const fitted = visit(schema, value, [...path], walk, 0);
  return { value: fitted, findings: walk.findings };
}

type Steps = (string | number)[];

function visit(node: Node, value: unknown, path: Steps, walk: Walk, depth: number): unknown {
  if (depth > maxDepth) {
    walk.findings.push(error('LAT1008', [...path], `nested deeper than ${maxDepth} levels`, 'flatten the value'));
    return undefined;
  }
  if (node.anyOf !== undefined) return visitUnion(node.anyOf, value, path, walk, depth);
  switch (node.type) {
    case 'object':
      return isRecord(value) ? visitObject(node, value, path, walk, depth) : wrongType(node, value, path, walk);
    case 'array':
      return Array.isArray(value) ? visitArray(node, value, path, walk, depth) : wrongType(node, value, path, walk);
    case 'string':
      return typeof value === 'string' ? visitText(node, value, path, walk) : wrongType(node, value, path, walk);
    case 'integer':
    case 'number':
      return visitNumber(node, value, path, walk);
    case 'boolean':
      return typeof value === 'boolean' ? value : wrongType(node, value, path, walk);
    default:
      return node.enum === undefined ? visitAnything(value, path, walk, depth) : visitChoice(node.enum, value, path, walk);
  }
}

function visitObject(node: Node, value: Readonly<Record<string, unknown>>, path: Steps, walk: Walk, depth: number): unknown {
  const { properties, required, patternProperties } = node;
  const others = patternProperties === undefined ? undefined : Object.values(patternProperties)[0];
  let copy: Record<string, unknown> | undefined;
  for (const [name, given] of Object.entries(value)) {
    const known = properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : others;
    // A null stands for an absent field, but in a free-form object it is a value like others.
    let fitted: unknown = known !== undefined && isFreeForm(known) ? given : undefined;
    if (given !== null && given !== undefined) {
      path.push(name);
      if (known !== undefined) fitted = visit(known, given, path, walk, depth + 1);
      else if (node.additionalProperties === false) unknownField(name, properties ?? {}, path, walk);
      else fitted = visitAnything(given, path, walk, depth + 1);
      path.pop();
    }
    if (fitted === given) continue;
    copy ??= { ...value };
    if (fitted === undefined) delete copy[name];
    else copy[name] = fitted;
  }
  const result = copy ?? value;
  for (const name of required ?? []) {
    // A value that did not fit has been reported already.
    if ((value[name] ?? undefined) === undefined) missing(name, path, walk);
  }
  return result;
}

function visitArray(node: Node, value: readonly unknown[], path: Steps, walk: Walk, depth: number): unknown {
  const { items = {}, minItems = 0, maxItems = Number.POSITIVE_INFINITY } = node;
  if (value.length < minItems)
    notAllowed(`needs at least ${minItems} ${minItems === 1 ? 'item' : 'items'}`, 'add what is missing', path, walk);
  if (value.length > maxItems) {
    // Not looked into: how much is read stays bounded.
    notAllowed(`has ${value.length} items, ${maxItems} at most are allowed`, 'split the object', path, walk);
    return value;
  }
  let copy: unknown[] | undefined;
  for (let index = 0; index < value.length; index++) {
    path.push(index);
    const given = value[index];
    const fitted = given === null ? wrongType(items, given, path, walk) : visit(items, given, path, walk, depth + 1);
    path.pop();
    if (fitted === given) continue;
    copy ??= [...value];
    copy[index] = fitted;
  }
  return copy ?? value;
}

const patterns = new WeakMap<Node, RegExp>();

function visitText(node: Node, value: string, path: Steps, walk: Walk): unknown {
  if (node.enum !== undefined) return visitChoice(node.enum, value, path, walk);
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = node;
  if (value.length < minLength) notAllowed('is empty', 'give it a value', path, walk);
  else if (value.length > maxLength)
    notAllowed(`is ${value.length} characters long, ${maxLength} at most are allowed`, 'shorten it', path, walk);
  else if (node.pattern !== undefined) {
    let pattern = patterns.get(node);
    if (pattern === undefined) patterns.set(node, (pattern = new RegExp(node.pattern, 'u')));
    if (!pattern.test(value))
      notAllowed(`${shown(value)} is not ${node.description ?? `of the form ${node.pattern}`}`, 'correct the value', path, walk);
  }
  return value;
}

const numeral = /^-?[0-9]{1,16}(?:\.[0-9]{1,16})?$/;

function visitNumber(node: Node, value: unknown, path: Steps, walk: Walk): unknown {
  const given = node.quoted === true && typeof value === 'string' && numeral.test(value) ? Number(value) : value;
  if (typeof given !== 'number' || !Number.isFinite(given)) return wrongType(node, value, path, walk);
  if (node.type === 'integer' && !Number.isInteger(given)) return wrongType(node, value, path, walk);
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = node;
  if (given < minimum || given > maximum) {
    notAllowed(`${given} is out of range, from ${minimum} to ${maximum} is allowed`, 'choose a value in that range', path, walk);
  }
  return given;
}

function visitChoice(names: readonly unknown[], value: unknown, path: Steps, walk: Walk): unknown {
  if (names.includes(value)) return value;
  const texts = names.map(String);
  const meant = typeof value === 'string' ? nearest(value, texts) : undefined;
  const help = meant === undefined ? `use one of ${texts.join(', ')}` : `did you mean ${meant}?`;
  notAllowed(`${shown(value)} is not one of ${texts.join(', ')}`, help, path, walk);
  return value;
}

/** The first alternative that fits; if none does, the union is what was expected. */
function visitUnion(nodes: readonly Node[], value: unknown, path: Steps, walk: Walk, depth: number): unknown {
  for (const node of nodes) {
    const attempt: Walk = { findings: [] };
    const fitted = visit(node, value, path, attempt, depth + 1);
    if (attempt.findings.length === 0) return fitted;
  }
  const expected = nodes.map(described).join(' or ');
  walk.findings.push(error('LAT1001', [...path], `must be ${expected}, is ${kindOfValue(value)}`, `write ${expected}`));
  return undefined;
}

/** Free-form: kept as it is, but for its depth. */
function visitAnything(value: unknown, path: Steps, walk: Walk, depth: number): unknown {
  if (typeof value === 'object' && value !== null && deeperThan(value, maxDepth - depth)) {
    walk.findings.push(error('LAT1008', [...path], `nested deeper than ${maxDepth} levels`, 'flatten the value'));
    return undefined;
  }
  return value;
}

const isFreeForm = ({ type, anyOf, enum: names }: Node): boolean =>
  type === undefined && anyOf === undefined && names === undefined;

function deeperThan(value: object, levels: number): boolean {
  if (levels <= 0) return true;
  return Object.values(value).some((inner) => typeof inner === 'object' && inner !== null && deeperThan(inner, levels - 1));
}

function unknownField(name: string, properties: Readonly<Record<string, Node>>, path: Steps, walk: Walk): void {
  const meant = nearest(name, Object.keys(properties));
  const parent = path.slice(0, -1);
  const place = parent.length === 0 ? 'this kind' : pathText(parent);
  const help = meant === undefined ? 'remove it, or check its spelling and place' : `did you mean \`${meant}\`?`;
  walk.findings.push(warning('LAT1002', [...path], `${place} has no field ${shown(name)}; it is ignored`, help));
}

function missing(name: string, path: Steps, walk: Walk): void {
  walk.findings.push(error('LAT1004', [...path, name], `${name} is missing`, 'add it'));
}

function notAllowed(message: string, help: string, path: Steps, walk: Walk): void {
  walk.findings.push(error('LAT1003', [...path], message, help));
}

function wrongType(node: Node, value: unknown, path: Steps, walk: Walk): undefined {
  const is = node.writeOnly === true ? 'something else' : kindOfValue(value);
  const help = node.type === 'string' && typeof value !== 'object' ? 'put it in quotes' : `write ${described(node)}`;
  walk.findings.push(error('LAT1001', [...path], `must be ${described(node)}, is ${is}`, help));
  return undefined;
}

const descriptions: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'a list',
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

const described = (node: Node): string =>
  descriptions[node.type ?? ''] ?? (node.enum === undefined ? 'a value' : `one of ${node.enum.join(', ')}`);

function kindOfValue(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? `the text ${shown(value)}` : shown(value);
}

/** A value in a message: short, and on one line. */
function shown(value: unknown): string {
  const quoted = JSON.stringify(value) ?? String(value);
  return quoted.length > 60 ? `${quoted.slice(0, 57)}…` : quoted;
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

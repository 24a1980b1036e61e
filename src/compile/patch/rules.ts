// The rules that Envoy's API writes at its fields (what Envoy checks of every message before it takes it), checked here for messages
// that patches have changed: lengths, ranges, what must be there.

import {
  fromBinary,
  getOption,
  hasOption,
  isFieldSet,
  type DescField,
  type DescMessage,
  type DescOneof,
  type Message,
} from '@bufbuild/protobuf';
import { isWrapperDesc, type Any, type Duration } from '@bufbuild/protobuf/wkt';
import {
  disabled,
  required as oneofRequired,
  rules as fieldRules,
  type DurationRules,
  type FieldRules,
} from '../../../gen/validate/validate_pb.js';
import { re2Problem } from '../../api/re2.ts';
import { messageType, typeName } from './types.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What a message, and everything in it, breaks; in words, each with the field's path. */
export function brokenRules(schema: DescMessage, message: Message): string[] {
  const found: string[] = [];
  checkMessage(schema, message, schema.name, found);
  return found;
}

interface MessageRules {
  readonly disabled: boolean;
  /** Alternatives of which there must be one. */
  readonly needed: ReadonlySet<DescOneof>;
  readonly fields: ReadonlyMap<DescField, FieldRules>;
}

const known = new WeakMap<DescMessage, MessageRules>();

/** What the API writes at a message; read once, for it is encoded there. */
function rulesOf(schema: DescMessage): MessageRules {
  let made = known.get(schema);
  if (made === undefined) {
    made = {
      disabled: hasOption(schema, disabled) && getOption(schema, disabled),
      needed: new Set(schema.oneofs.filter((oneof) => hasOption(oneof, oneofRequired) && getOption(oneof, oneofRequired))),
      fields: new Map(
        schema.fields.flatMap((field) => (hasOption(field, fieldRules) ? [[field, getOption(field, fieldRules)]] : [])),
      ),
    };
    known.set(schema, made);
  }
  return made;
}

function checkMessage(schema: DescMessage, message: Message, path: string, found: string[]): void {
  const written = rulesOf(schema);
  if (written.disabled) return;
  const fields = message as unknown as Fields;
  for (const oneof of schema.oneofs) {
    const choice = fields[oneof.localName] as { readonly case: string | undefined } | undefined;
    if (written.needed.has(oneof) && choice?.case === undefined)
      found.push(`${path} has none of ${oneof.fields.map(({ name }) => name).join(', ')}`);
  }
  for (const field of schema.fields) {
    const rules = written.fields.get(field);
    const place = `${path}.${field.name}`;
    if (isFieldSet(message, field)) checkField(field, valueOf(fields, field), place, rules, found);
    else if (field.oneof === undefined) checkAbsent(field, fields[field.localName], place, rules, found);
  }
  if (schema.typeName === 'envoy.type.matcher.v3.RegexMatcher') {
    const problem = re2Problem(String(fields['regex']));
    if (problem !== undefined) found.push(`${path}.regex ${problem}`);
  }
}

function valueOf(fields: Fields, field: DescField): unknown {
  if (field.oneof === undefined) return fields[field.localName];
  return (fields[field.oneof.localName] as { readonly value?: unknown }).value;
}

function checkField(field: DescField, value: unknown, path: string, rules: FieldRules | undefined, found: string[]): void {
  switch (field.fieldKind) {
    case 'list': {
      const items = value as readonly unknown[];
      const list = rules?.type.case === 'repeated' ? rules.type.value : undefined;
      if (list !== undefined && items.length < Number(list.minItems)) found.push(`${path} has too few items`);
      if (list !== undefined && list.maxItems > 0n && items.length > Number(list.maxItems))
        found.push(`${path} has too many items`);
      if (list?.unique === true && new Set(items).size < items.length) found.push(`${path} has an item twice`);
      for (const [index, item] of items.entries()) checkValue(field, item, `${path}[${index}]`, list?.items, found);
      return;
    }
    case 'map': {
      const map = rules?.type.case === 'map' ? rules.type.value : undefined;
      for (const [key, item] of Object.entries(value as Fields)) {
        if (map?.keys !== undefined) checkScalar(key, `${path} key`, map.keys, found);
        checkValue(field, item, `${path}[${key}]`, map?.values, found);
      }
      return;
    }
    default:
      checkValue(field, value, path, rules, found);
  }
}

function checkValue(field: DescField, value: unknown, path: string, rules: FieldRules | undefined, found: string[]): void {
  const { message } = field;
  if (message === undefined || isWrapperDesc(message)) {
    if (rules !== undefined) checkScalar(unwrapped(value), path, rules, found);
  } else if (message.typeName === 'google.protobuf.Duration') {
    if (rules?.type.case === 'duration') checkDuration(value as Duration, path, rules.type.value, found);
  } else if (message.typeName === 'google.protobuf.Any') checkAny(value as Any, path, found);
  else if (message.typeName !== 'google.protobuf.Struct' && rules?.message?.skip !== true)
    checkMessage(message, value as Message, path, found);
}

/** Inside a oneof a wrapper is a message. */
const unwrapped = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && '$typeName' in value ? (value as unknown as Fields)['value'] : value;

function checkAny({ typeUrl, value }: Any, path: string, found: string[]): void {
  const schema = messageType(typeName(typeUrl));
  if (schema === undefined) found.push(`${path} is of the type ${typeName(typeUrl)}, which stock Envoy does not know`);
  else checkMessage(schema, fromBinary(schema, value), path, found);
}

/** A field that is not there, or a number or text that is nothing: to proto3 that is the same. */
function checkAbsent(field: DescField, value: unknown, path: string, rules: FieldRules | undefined, found: string[]): void {
  if (rules === undefined) return;
  const { type } = rules;
  const isNeeded =
    rules.message?.required === true || ((type.case === 'any' || type.case === 'duration') && type.value.required === true);
  if (isNeeded) found.push(`${path} is missing`);
  else if (field.fieldKind === 'list') checkField(field, [], path, rules, found);
  else if (field.fieldKind === 'scalar' || field.fieldKind === 'enum') {
    if (!field.proto.proto3Optional) checkScalar(value ?? '', path, rules, found);
  }
}

interface Bounds {
  readonly gt?: number | bigint;
  readonly gte?: number | bigint;
  readonly lt?: number | bigint;
  readonly lte?: number | bigint;
  readonly in?: readonly (number | bigint)[];
}

function checkScalar(value: unknown, path: string, { type }: FieldRules, found: string[]): void {
  switch (type.case) {
    case 'string': {
      const rule = type.value;
      const text = String(value);
      if (rule.ignoreEmpty && text === '') return;
      if (text.length < Number(rule.minLen) || Buffer.byteLength(text) < Number(rule.minBytes))
        found.push(`${path} is too short`);
      if (rule.maxBytes > 0n && Buffer.byteLength(text) > Number(rule.maxBytes)) found.push(`${path} is too long`);
      if (rule.prefix !== '' && !text.startsWith(rule.prefix)) found.push(`${path} does not begin with ${rule.prefix}`);
      if (rule.in.length > 0 && !rule.in.includes(text)) found.push(`${path} is none of ${rule.in.join(', ')}`);
      if (rule.wellKnown.case === 'wellKnownRegex' && /[\0\r\n]/.test(text))
        found.push(`${path} has characters that headers may not have`);
      return;
    }
    case 'enum':
      if (type.value.in.length > 0 && !type.value.in.includes(Number(value)))
        found.push(`${path} has a value that is not allowed`);
      if (type.value.notIn.includes(Number(value))) found.push(`${path} has a value that is not allowed`);
      return;
    case 'uint32':
    case 'uint64':
    case 'int32':
    case 'int64':
    case 'float':
    case 'double':
      if (!(type.value.ignoreEmpty && Number(value) === 0) && !isWithin(Number(value), type.value as Bounds))
        found.push(`${path} is out of range`);
      return;
    default:
  }
}

/** Proto's own presence: a bound that is not written is no bound. */
function isWithin(value: number, bounds: Bounds): boolean {
  const given = (name: keyof Bounds): number | undefined =>
    Object.hasOwn(bounds, name) && bounds[name] !== undefined ? Number(bounds[name]) : undefined;
  const [gt, gte, lt, lte] = [given('gt'), given('gte'), given('lt'), given('lte')];
  if (bounds.in !== undefined && bounds.in.length > 0 && !bounds.in.some((one) => Number(one) === value)) return false;
  return (
    (gt === undefined || value > gt) &&
    (gte === undefined || value >= gte) &&
    (lt === undefined || value < lt) &&
    (lte === undefined || value <= lte)
  );
}

function checkDuration(value: Duration, path: string, bounds: DurationRules, found: string[]): void {
  const seconds = (duration: Duration): number => Number(duration.seconds) + duration.nanos / 1e9;
  const { gt, gte, lt, lte } = bounds;
  const asked = seconds(value);
  const fits =
    (gt === undefined || asked > seconds(gt)) &&
    (gte === undefined || asked >= seconds(gte)) &&
    (lt === undefined || asked < seconds(lt)) &&
    (lte === undefined || asked <= seconds(lte));
  if (!fits) found.push(`${path} is out of range`);
}

// The words in which kinds write their schemas: JSON Schema, in the shapes that Kubernetes and protobuf-JSON use.
//
// The types are TypeBox's, so that `Static` gives each kind its TypeScript type; the values are made here, because TypeBox's
// builders are 300 modules that every command would load at its start.

import type {
  TArray,
  TArrayOptions,
  TBoolean,
  TEnum,
  TEnumValue,
  TInteger,
  TNumber,
  TNumberOptions,
  TObject,
  TOptional,
  TProperties,
  TRecord,
  TSchema,
  TString,
  TStringOptions,
  TUnion,
  TUnknown,
} from 'typebox';
import { durationPattern } from '../lib/duration.ts';

/** JSON Schema as the TypeBox type that describes the same values. */
const typed = <Schema extends TSchema>(json: object): Schema => json as unknown as Schema;

type Optionals<Properties extends TProperties> = { [Name in keyof Properties]: TOptional<Properties[Name]> };

export type Message<Required extends TProperties, Optional extends TProperties> = TObject<Required & Optionals<Optional>>;

/** An object with these fields and no others: first those that must be there, then those that may. */
export const message = <R extends TProperties, O extends TProperties>(required: R, optional: O): Message<R, O> =>
  typed({
    type: 'object',
    required: Object.keys(required),
    properties: { ...required, ...optional },
    additionalProperties: false,
  });

/** An object whose further fields pass unread: Kubernetes' own kinds, of which only a part matters here. */
export const openMessage = <R extends TProperties, O extends TProperties>(required: R, optional: O): Message<R, O> =>
  typed({ type: 'object', required: Object.keys(required), properties: { ...required, ...optional } });

export const textOf = (options: TStringOptions): TString => typed({ type: 'string', ...options });
export const text = textOf({});
export const nonEmpty = textOf({ minLength: 1 });
/** Text that no message shows. */
export const secretText = textOf({ writeOnly: true });
export const bool: TBoolean = typed({ type: 'boolean' });

/** Text that matches a pattern; `means` says the rule in words, for messages. */
export const pattern = (source: string, means: string, options: TStringOptions = {}): TString =>
  textOf({ ...options, pattern: source, description: means });

const oneOf = <Values extends TEnumValue[]>(values: Values): TEnum<Values> => typed({ enum: values });
/** A name that can be a folder's and a host's: Kubernetes' rule for containers and volumes. */
export const dnsLabel = pattern('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$', 'a DNS label: lower-case letters, digits and -');

/** One of these names. */
export const choice = <Names extends string[]>(...names: Names): TEnum<Names> => oneOf(names);
export const numberChoice = <Numbers extends number[]>(...numbers: Numbers): TEnum<Numbers> => oneOf(numbers);

/** A whole number of Kubernetes' and the Gateway API's own kinds: never in quotes. */
export const whole = (options: TNumberOptions = {}): TInteger => typed({ type: 'integer', ...options });
export const wholePort = whole({ minimum: 1, maximum: 65_535 });

/** A whole number of Istio's kinds: protobuf-JSON lets it stand in quotes. */
export const integer = (minimum: number, maximum: number): TInteger => whole({ minimum, maximum, quoted: true });
export const uint32 = integer(0, 4_294_967_295);
export const int32 = integer(-2_147_483_648, 2_147_483_647);
/** Zero to 2³¹-1. */
export const count = integer(0, 2_147_483_647);
export const portNumber = integer(1, 65_535);
export const number = (minimum: number, maximum: number): TNumber => typed({ type: 'number', minimum, maximum, quoted: true });

/** `1.5s`, `100ms`, `1h30m`. */
export const duration = pattern(durationPattern, 'a duration such as 1.5s, 100ms or 1h30m');

export const list = <Item extends TSchema>(items: Item, options: TArrayOptions = {}): TArray<Item> =>
  typed({ type: 'array', items, ...options });

export const map = <Value extends TSchema>(value: Value): TRecord<'^.*$', Value> =>
  typed({ type: 'object', patternProperties: { '^.*$': value } });
export const textMap = map(text);
export const anything: TUnknown = typed({});
/** An object that nobody here reads into. */
export const freeForm = map(anything);

export const integerOrText: TUnion<[TInteger, TString]> = typed({ anyOf: [whole(), text] });
/** `100m`, `1Gi`, `2`. */
export const quantity: TUnion<[TNumber, TString]> = typed({ anyOf: [{ type: 'number' }, text] });

/** A value of one form or the other. */
export const either = <A extends TSchema, B extends TSchema>(a: A, b: B): TUnion<[A, B]> => typed({ anyOf: [a, b] });

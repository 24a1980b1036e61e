// The words in which kinds write their schemas: TypeBox types in the shapes that Kubernetes and protobuf-JSON use.

import {
  Type,
  type TArray,
  type TArrayOptions,
  type TEnum,
  type TInteger,
  type TNumber,
  type TObject,
  type TObjectOptions,
  type TOptional,
  type TProperties,
  type TSchema,
  type TString,
  type TStringOptions,
} from 'typebox';
import { durationPattern } from '../lib/duration.ts';

type Optionals<Properties extends TProperties> = { [Name in keyof Properties]: TOptional<Properties[Name]> };

export type Message<Required extends TProperties, Optional extends TProperties> = TObject<Required & Optionals<Optional>>;

function objectOf<R extends TProperties, O extends TProperties>(
  required: R,
  optional: O,
  options: TObjectOptions,
): Message<R, O> {
  const properties: TProperties = { ...required };
  for (const [name, schema] of Object.entries(optional)) properties[name] = Type.Optional(schema);
  // The loop above is what the type says; TypeScript cannot follow it.
  return Type.Object(properties, options) as unknown as Message<R, O>;
}

/** An object with these fields and no others: first those that must be there, then those that may. */
export const message = <R extends TProperties, O extends TProperties = Record<never, TSchema>>(
  required: R,
  optional: O,
): Message<R, O> => objectOf(required, optional, { additionalProperties: false });

/** An object whose further fields pass unread: Kubernetes' own kinds, of which only a part matters here. */
export const openMessage = <R extends TProperties, O extends TProperties>(required: R, optional: O): Message<R, O> =>
  objectOf(required, optional, {});

export const text: TString = Type.String();
export const nonEmpty: TString = Type.String({ minLength: 1 });
export const bool = Type.Boolean();

/** Text that matches a pattern; `means` says the rule in words, for messages. */
export const pattern = (source: string | RegExp, means: string, options: TStringOptions = {}): TString =>
  Type.String({ ...options, pattern: typeof source === 'string' ? source : source.source, description: means });

/** One of these names. */
export const choice = <Names extends string[]>(...names: Names): TEnum<Names> => Type.Enum<Names>(names);

/** A whole number. Protobuf-JSON lets it stand in quotes (`quoted`), Kubernetes does not. */
export const integer = (minimum: number, maximum: number): TInteger => Type.Integer({ minimum, maximum, quoted: true });
export const uint32 = integer(0, 4_294_967_295);
export const int32 = integer(-2_147_483_648, 2_147_483_647);
/** Zero to 2³¹-1. */
export const count = integer(0, 2_147_483_647);
export const portNumber = integer(1, 65_535);
export const number = (minimum: number, maximum: number): TNumber => Type.Number({ minimum, maximum, quoted: true });

/** `1.5s`, `100ms`, `1h30m`. */
export const duration = pattern(durationPattern, 'a duration such as 1.5s, 100ms or 1h30m');

export const list = <Item extends TSchema>(item: Item, options: TArrayOptions = {}): TArray<Item> => Type.Array(item, options);
export const map = <Value extends TSchema>(value: Value) => Type.Record(Type.String(), value);
export const textMap = map(text);
/** An object that nobody here reads into. */
export const freeForm = map(Type.Unknown());
export const anything = Type.Unknown();
export const integerOrText = Type.Union([Type.Integer(), Type.String()]);

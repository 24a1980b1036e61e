// Small pieces that every generator of the differential test is made of.

import fc from 'fast-check';

type Fields<Shape> = { [Name in keyof Shape]: fc.Arbitrary<Shape[Name]> };

/** A record of few of these fields: each is there once in `rarity` times. With all of them nothing would ever match. */
export const sparse = <Shape extends object>(fields: Fields<Shape>, rarity = 4): fc.Arbitrary<Partial<Shape>> =>
  fc
    .record(
      Object.fromEntries(Object.entries<fc.Arbitrary<unknown>>(fields).map(([name, value]) => [name, maybe(value, rarity)])),
    )
    .map((record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Partial<Shape>);

/** The value once in `rarity` times; it shrinks to nothing. */
export const maybe = <Value>(value: fc.Arbitrary<Value>, rarity = 3): fc.Arbitrary<Value | undefined> =>
  fc.oneof({ withCrossShrink: true }, { weight: rarity - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });

export const oneOf = <Value>(...values: readonly Value[]): fc.Arbitrary<Value> => fc.constantFrom(...values);

/** One of these, as often as its number says. */
export const often = <Value>(
  ...choices: readonly (readonly [weight: number, arbitrary: fc.Arbitrary<Value>])[]
): fc.Arbitrary<Value> => fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));

/** A map of one or two of these names. */
export const mapOf = <Value>(names: readonly string[], value: fc.Arbitrary<Value>): fc.Arbitrary<Record<string, Value>> =>
  fc.dictionary(fc.constantFrom(...names), value, { minKeys: 1, maxKeys: 2 });

export const upTo = <Value>(most: number, item: fc.Arbitrary<Value>, least = 0): fc.Arbitrary<Value[]> =>
  fc.array(item, { minLength: least, maxLength: most, size: 'max' });

export const someOf = (values: readonly string[], most = 2): fc.Arbitrary<string[]> =>
  fc.subarray([...values], { minLength: 1, maxLength: Math.min(most, values.length) });

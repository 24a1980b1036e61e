// Documents against schemas: what is pruned, what is said, and that TypeBox agrees.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Check } from 'typebox/schema';
import { fit } from './fit.ts';
import { kinds } from './index.ts';
import { bool, choice, freeForm, integer, integerOrText, list, map, message, openMessage, text } from './schema.ts';

const schema = message(
  { name: text },
  {
    on: bool,
    size: integer(1, 10),
    colour: choice('RED', 'BLUE'),
    port: integerOrText,
    tags: map(text),
    items: list(message({}, { name: text })),
    any: freeForm,
  },
);

test('prunes unknown fields and nulls, leaving the given value alone', () => {
  const given = { name: 'a', on: null, nmae: 1, items: [{ name: null, size: 2 }], any: { kept: null } };
  const { value, findings } = fit(schema, given);
  assert.deepEqual(value, { name: 'a', items: [{}], any: { kept: null } });
  assert.deepEqual(
    findings.map(({ code, severity, path, help }) => [code, severity, path.join('.'), help]),
    [
      ['LAT1002', 'warning', 'nmae', 'did you mean `name`?'],
      ['LAT1002', 'warning', 'items.0.size', 'remove it, or check its spelling and place'],
    ],
  );
  assert.equal(given.nmae, 1);
});

test('gives back the same value when all of it fits', () => {
  const given = { name: 'a', size: 3, port: 'http', items: [{ name: 'b' }] };
  const { value, findings } = fit(schema, given);
  assert.equal(value, given);
  assert.deepEqual(findings, []);
});

test('gathers every breach with its path', () => {
  const { findings } = fit(schema, { on: 'yes', size: 11, colour: 'RAD', port: true, tags: { a: 1 }, items: [null, 'b'] });
  assert.deepEqual(
    findings.map(({ code, path }) => `${code} ${path.join('.')}`),
    [
      'LAT1001 on',
      'LAT1003 size',
      'LAT1003 colour',
      'LAT1001 port',
      'LAT1001 tags.a',
      'LAT1001 items.0',
      'LAT1001 items.1',
      'LAT1004 name',
    ],
  );
  assert.equal(findings.find(({ code, path }) => code === 'LAT1003' && path[0] === 'colour')?.help, 'did you mean RED?');
});

test('reads quoted numbers where protobuf-JSON does', () => {
  assert.deepEqual(fit(schema, { name: 'a', size: '7' }), { value: { name: 'a', size: 7 }, findings: [] });
});

test('refuses what is nested too deeply', () => {
  let deep: unknown = {};
  for (let level = 0; level < 5000; level++) deep = { deep };
  assert.deepEqual(
    fit(schema, { name: 'a', any: deep }).findings.map(({ code }) => code),
    ['LAT1008'],
  );
  assert.deepEqual(
    fit(openMessage({}, {}), { other: deep }).findings.map(({ code }) => code),
    ['LAT1008'],
  );
});

test('keeps a key named __proto__ a mere key', () => {
  const given: unknown = JSON.parse('{"name":"a","tags":{"__proto__":"b","x":null}}');
  const { value } = fit(schema, given);
  assert.equal(JSON.stringify(value), '{"name":"a","tags":{"__proto__":"b"}}');
});

/** Values that come near to a schema: mostly of the right shape, with slips. */
function nearly(node: object): fc.Arbitrary<unknown> {
  const {
    type,
    properties,
    items,
    anyOf,
    enum: names,
    patternProperties,
  } = node as {
    type?: string;
    properties?: Record<string, object>;
    items?: object;
    anyOf?: object[];
    enum?: unknown[];
    patternProperties?: Record<string, object>;
  };
  const slip = fc.oneof(fc.constant('1s'), fc.integer(), fc.boolean(), fc.constant([]), fc.constant({}));
  const right = (): fc.Arbitrary<unknown> => {
    if (anyOf !== undefined) return fc.oneof(...anyOf.map(nearly));
    if (names !== undefined) return fc.constantFrom(...names);
    if (type === 'array') return fc.array(nearly(items ?? {}), { maxLength: 2 });
    if (type === 'integer' || type === 'number') return fc.integer({ min: -1, max: 70_000 });
    if (type === 'boolean') return fc.boolean();
    if (type === 'object' && properties !== undefined) {
      const chosen = Object.entries(properties).map(
        ([name, inner]) => [name, fc.option(fc.memo(() => nearly(inner))(), { nil: undefined })] as const,
      );
      return fc.record(Object.fromEntries(chosen)).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
    }
    if (type === 'object')
      return fc.dictionary(fc.constantFrom('a', 'b'), nearly(Object.values(patternProperties ?? {})[0] ?? {}), { maxKeys: 2 });
    return fc.constantFrom('a', '1s', '');
  };
  return fc.oneof({ weight: 30, arbitrary: right() }, { weight: 1, arbitrary: slip });
}

for (const { kind, group, schema: known } of kinds) {
  void test(`agrees with TypeBox on ${kind} ${group}`, () => {
    fc.assert(
      fc.property(nearly(known), (value) => {
        const { value: fitted, findings } = fit(known, value);
        const fits = findings.every(({ severity }) => severity !== 'error');
        // Nulls and quoted numbers aside, which nearly() does not make, what fits is what TypeBox takes once it is pruned.
        assert.equal(fits, Check(known, fits ? fitted : value), JSON.stringify(value));
      }),
      { numRuns: 20 },
    );
  });
}

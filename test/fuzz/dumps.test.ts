// Dumps with something broken in them: whatever is read, nothing throws, and a story is told of what is left.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { mannerOf } from '../../src/cli/why/manner.ts';
import { questionOf } from '../../src/cli/why/question.ts';
import { askDump } from '../../src/cli/why/run.ts';
import { story } from '../../src/cli/why/story.ts';
import { dumpedConfiguration } from '../../src/explain/dump.ts';

const behaviour = new URL('../behaviour/foreign/', import.meta.url);
const small = readdirSync(behaviour).map((file) => {
  const { dump } = parse(readFileSync(new URL(file, behaviour), 'utf8'), { merge: true, maxAliasCount: -1 }) as {
    readonly dump: unknown;
  };
  return JSON.stringify(dump);
});
const large = ['gateway', 'sidecar-eager'].map((name) =>
  readFileSync(new URL(`../../samples/dumps/${name}.json`, import.meta.url), 'utf8'),
);

const questions = [
  ['GET', 'http://reviews:9080/reviews/0'],
  ['GET', 'http://httpbin.example.com/get'],
  ['tcp', 'db:5432'],
];

/** How many came to a story. */
function told(text: string): number {
  const configuration = dumpedConfiguration(text);
  if (typeof configuration === 'string') {
    assert.ok(configuration.length > 0);
    return 0;
  }
  const manner = mannerOf({ output: 'text', identity: 'spiffe://cluster.local/ns/a/sa/b' });
  for (const args of questions) {
    for (const inbound of [false, true]) {
      const question = questionOf(args);
      if (question.kind === 'dns' || question.kind === 'happened') assert.fail();
      const text = story(askDump(question, configuration, manner, { inbound, file: 'dump' }), {
        verbose: true,
        style: (_, plain) => plain,
      });
      assert.doesNotMatch(text, /\bundefined\b|\[object|NaN/);
    }
  }
  return 1;
}

const strange = [
  null,
  {},
  [],
  '',
  'x',
  -1,
  1.5,
  4_294_967_296,
  true,
  [null],
  [[]],
  { '@type': 'x' },
  { '@type': 'type.googleapis.com/a.B' },
];

/** One place of a JSON value has something else in it, or nothing. */
function broken(value: unknown, at: number, other: number): unknown {
  const places: { readonly holder: Record<string, unknown>; readonly key: string }[] = [];
  const walk = (each: unknown): void => {
    if (typeof each !== 'object' || each === null) return;
    for (const key of Object.keys(each)) {
      places.push({ holder: each as Record<string, unknown>, key });
      walk((each as Record<string, unknown>)[key]);
    }
  };
  walk(value);
  const place = places[at % places.length];
  if (place === undefined) return value;
  if (other >= strange.length) delete place.holder[place.key];
  else place.holder[place.key] = structuredClone(strange[other]);
  return value;
}

const change = fc.record({ at: fc.nat(1_000_000), other: fc.nat(strange.length) });

test('a dump with broken values is told as far as it goes', () => {
  let stories = 0;
  const arbitrary = fc.tuple(fc.constantFrom(...small), fc.array(change, { minLength: 1, maxLength: 3 }));
  for (const [text, changes] of fc.sample(arbitrary, { seed: 4711, numRuns: 400 })) {
    let value: unknown = JSON.parse(text);
    for (const { at, other } of changes) value = broken(value, at, other);
    stories += told(JSON.stringify(value));
  }
  assert.ok(stories > 300, `${stories} stories`);
});

test('a dump that is cut, garbled or of bytes is told as far as it goes, or refused in words', () => {
  const arbitrary = fc.record({
    text: fc.constantFrom(...small, ...large),
    cut: fc.option(fc.nat(1_000_000)),
    garble: fc.array(fc.tuple(fc.nat(1_000_000), fc.constantFrom('"', '{', ']', ',', '\\', '\u0000', ':', 'é')), {
      maxLength: 2,
    }),
  });
  for (const { text, cut, garble } of fc.sample(arbitrary, { seed: 4711, numRuns: 60 })) {
    let made = cut === null ? text : text.slice(0, cut % text.length);
    for (const [at, character] of garble)
      made = `${made.slice(0, at % (made.length + 1))}${character}${made.slice((at % (made.length + 1)) + 1)}`;
    told(made);
  }
  for (const bytes of fc.sample(fc.string({ unit: 'binary', maxLength: 200 }), { seed: 4711, numRuns: 100 })) told(bytes);
});

test('a dump that is deeper than any configuration does not end the reader', () => {
  told(`{"configs": [{"dynamic_listeners": ${'['.repeat(50_000)}${']'.repeat(50_000)}}]}`);
  told(`{"configs": [{"dynamic_listeners": [{"active_state": {"listener": ${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}}]}]}`);
  told(`${'- '.repeat(5000)}a`);
});

// The scenes of the differential test are worth asking about: their objects are valid, and set every field of an HTTP rule but those named here.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decode } from '../../src/api/decode.ts';
import { originOf } from '../../src/api/object.ts';
import { HTTPRoute } from '../../src/api/virtual-service-http.ts';
import { scenePlay } from '../support/explain/scene.ts';

/** Deprecated forms of what is there, names that only statistics have, and time that would have to pass. */
const leftOut = [
  'match.statPrefix',
  'mirrorPercent',
  'mirrorPercentage.value',
  'corsPolicy.allowOrigin',
  'fault.delay.percent',
  'fault.delay.exponentialDelay',
  'fault.abort.http2Error',
  'directResponse.body.bytes',
];

const documents = fc.sample(fc.noBias(scenePlay(1)), { seed: 20_261, numRuns: 400 }).flatMap(({ scene }) => scene.documents);

test('objects are valid', () => {
  const lost = documents.filter(
    (document) => decode(document as Parameters<typeof decode>[0], originOf('scene')).object === undefined,
  );
  assert.ok(
    lost.length * 50 < documents.length,
    `${lost.length} of ${documents.length} are left out, such as ${JSON.stringify(lost[0])}`,
  );
});

test('every field of an HTTP rule is set somewhere', () => {
  const set = new Set(
    documents
      .filter(({ kind }) => kind === 'VirtualService')
      .flatMap(({ spec }) => (spec as { http: object[] }).http.flatMap((rule) => [...fieldsOf(rule)])),
  );
  const fields = leavesOf(HTTPRoute as object as Schema);
  const missing = fields.filter((field) => ![...set].some((each) => each === field || each.startsWith(`${field}.`)));
  assert.deepEqual(missing.sort(), leftOut.sort());
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** `route.destination.host`, without the places of lists. */
function leavesOf(schema: Schema, path = ''): string[] {
  if (schema.items !== undefined) return leavesOf(schema.items, path);
  if (schema.properties === undefined) return [path];
  return Object.entries(schema.properties).flatMap(([name, inner]) => leavesOf(inner, path === '' ? name : `${path}.${name}`));
}

function* fieldsOf(value: unknown, path = ''): Generator<string> {
  if (Array.isArray(value)) for (const each of value) yield* fieldsOf(each, path);
  else if (value !== null && typeof value === 'object')
    for (const [name, inner] of Object.entries(value)) yield* fieldsOf(inner, path === '' ? name : `${path}.${name}`);
  else yield path;
}

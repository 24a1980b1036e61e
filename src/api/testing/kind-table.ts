// Tables of specs that a kind accepts, warns of or refuses: the shape of every kind's test. Only tests import it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { decode } from '../decode.ts';
import { diagnosticText } from '../diagnostic.ts';
import { originOf } from '../object.ts';

interface Table {
  /** Taken without a word. */
  readonly accepted?: readonly string[];
  /** Code and, after a space, the path of the finding; then the spec (YAML). The object is kept. */
  readonly warned?: readonly (readonly [finding: string, spec: string])[];
  /** As `warned`, but the object is left out. */
  readonly refused?: readonly (readonly [finding: string, spec: string])[];
}

/** Decodes an object of a kind whose `spec` (or whole document, if it begins with `apiVersion`) is given as YAML. */
function decodeYaml(apiVersion: string, kind: string, yaml: string) {
  const document = /^\s*apiVersion:/.test(yaml)
    ? (parse(yaml) as unknown)
    : { apiVersion, kind, metadata: { name: 'subject' }, spec: parse(yaml) as unknown };
  const { object, diagnostics } = decode(document, originOf('test.yaml'));
  return { object, diagnostics: diagnostics.filter(({ code }) => code !== 'LAT0001') };
}

/** Registers one test for each row. */
export function kindTable(apiVersion: string, kind: string, { accepted = [], warned = [], refused = [] }: Table): void {
  for (const yaml of accepted) {
    void test(`${kind} accepts ${oneLine(yaml)}`, () => {
      const { object, diagnostics } = decodeYaml(apiVersion, kind, yaml);
      assert.deepEqual(diagnostics.map(diagnosticText), []);
      assert.ok(object);
    });
  }
  for (const [finding, yaml] of warned) {
    void test(`${kind} warns with ${finding} of ${oneLine(yaml)}`, () => {
      const { object, diagnostics } = decodeYaml(apiVersion, kind, yaml);
      assert.deepEqual(summaries(diagnostics), [finding]);
      assert.ok(object, 'the object is kept');
    });
  }
  for (const [finding, yaml] of refused) {
    void test(`${kind} refuses with ${finding}: ${oneLine(yaml)}`, () => {
      const { object, diagnostics } = decodeYaml(apiVersion, kind, yaml);
      assert.ok(summaries(diagnostics).includes(finding), `found: ${summaries(diagnostics).join('; ')}`);
      assert.equal(object, undefined, 'the object is left out');
    });
  }
}

const summaries = (diagnostics: readonly Parameters<typeof diagnosticText>[0][]): string[] =>
  diagnostics.map(({ code, path }) => `${code} ${path.join('.')}`.trim());

const oneLine = (yaml: string): string => yaml.replaceAll(/\s+/g, ' ').trim().slice(0, 110);

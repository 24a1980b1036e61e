// The standard's JSON schema is no part of any dependency: `log` holds by hand what it requires of the properties that are written, and
// what GitHub's code scanning asks for besides (its pages on SARIF support). Properties that are not listed are refused.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import Type from 'typebox';
import Value from 'typebox/value';
import type { Finding } from './report.ts';
import { sarif } from './sarif.ts';

const only = <Properties extends Type.TProperties>(properties: Properties) =>
  Type.Object(properties, { additionalProperties: false });
/** GitHub cuts longer texts of rules. */
const text = only({ text: Type.String({ minLength: 1, maxLength: 1024 }) });
const position = Type.Integer({ minimum: 1 });

const physicalLocation = only({
  artifactLocation: only({ uri: Type.String({ minLength: 1 }) }),
  region: only({ startLine: position, startColumn: position, endLine: position, endColumn: position }),
});

const log = only({
  $schema: Type.String({ pattern: '^https://.*sarif.*2\\.1\\.0' }),
  version: Type.Literal('2.1.0'),
  runs: Type.Array(
    only({
      tool: only({
        driver: only({
          name: Type.String({ minLength: 1 }),
          version: Type.String({ minLength: 1 }),
          rules: Type.Array(
            only({
              id: Type.String({ minLength: 1, maxLength: 255 }),
              name: Type.String({ minLength: 1, maxLength: 255 }),
              shortDescription: text,
              fullDescription: text,
              help: text,
            }),
            { maxItems: 25_000 },
          ),
        }),
      }),
      automationDetails: only({ id: Type.String({ pattern: '/$' }) }),
      columnKind: Type.Union([Type.Literal('utf16CodeUnits'), Type.Literal('unicodeCodePoints')]),
      results: Type.Array(
        only({
          ruleId: Type.String(),
          ruleIndex: Type.Integer({ minimum: 0 }),
          level: Type.Union(['none', 'note', 'warning', 'error'].map((level) => Type.Literal(level))),
          message: only({ text: Type.String({ minLength: 1 }) }),
          locations: Type.Array(
            only({
              physicalLocation: Type.Optional(physicalLocation),
              logicalLocations: Type.Optional(
                Type.Array(only({ fullyQualifiedName: Type.String({ minLength: 1 }), kind: Type.Literal('resource') })),
              ),
            }),
            { minItems: 1, maxItems: 1000 },
          ),
          partialFingerprints: only({ primaryLocationLineHash: Type.String({ pattern: '^[0-9a-f]{16}:[0-9]+$' }) }),
        }),
        { maxItems: 25_000 },
      ),
    }),
    { minItems: 1, maxItems: 20 },
  ),
});

const finding = (more: Partial<Finding> = {}): Finding => ({
  code: 'IST0101',
  severity: 'error',
  object: 'VirtualService/default/shop',
  path: 'spec.http[0].route[0].destination',
  message: 'host gone is no service',
  help: 'create it',
  file: '/work/shop/mesh.yaml',
  line: 12,
  column: 16,
  ...more,
});

const logOf = (findings: readonly Finding[]): Type.Static<typeof log> => {
  const made: unknown = JSON.parse(JSON.stringify(sarif(findings, '0.1.0', '/work/shop')));
  assert.deepEqual([...Value.Errors(log, made)], []);
  return made as Type.Static<typeof log>;
};

describe('SARIF', () => {
  it('is what the standard and GitHub ask for, whatever a finding has', () => {
    const { file: _file, line: _line, column: _column, ...nowhere } = finding();
    const { object: _object, ...nameless } = finding({ path: '' });
    const { column: _none, ...wholeLine } = finding();
    for (const each of [
      finding(),
      finding({ severity: 'info', help: '' }),
      finding({ severity: 'warning', code: 'NEW9999' }),
      finding({ file: '-' }),
      nowhere,
      nameless,
      wholeLine,
    ])
      logOf([each]);
    assert.deepEqual(logOf([]).runs[0]?.results, []);
  });

  it('has each rule once, where results point to', () => {
    const [run] = logOf([finding(), finding({ code: 'IST0118' }), finding({ path: 'spec' })]).runs;
    assert.deepEqual(
      run?.tool.driver.rules.map(({ id }) => id),
      ['IST0101', 'IST0118'],
    );
    assert.deepEqual(
      run?.results.map(({ ruleId, ruleIndex }) => [ruleId, ruleIndex]),
      [
        ['IST0101', 0],
        ['IST0118', 1],
        ['IST0101', 0],
      ],
    );
  });

  it('tells files from the folder that it is run in, others by their URLs', () => {
    const uri = (file: string) =>
      logOf([finding({ file })]).runs[0]?.results[0]?.locations[0]?.physicalLocation?.artifactLocation.uri;
    assert.deepEqual(
      ['/work/shop/a b/mesh#1.yaml', './mesh.yaml', 'sub/../mesh.yaml', '/work/other/x y.yaml', '../x.yaml'].map(uri),
      ['a%20b/mesh%231.yaml', 'mesh.yaml', 'mesh.yaml', 'file:///work/other/x%20y.yaml', 'file:///work/x.yaml'],
    );
  });

  it('knows a finding again when its line has moved, and tells equal ones apart', () => {
    const prints = (...findings: Finding[]) =>
      logOf(findings).runs[0]?.results.map(({ partialFingerprints }) => partialFingerprints.primaryLocationLineHash);
    assert.deepEqual(prints(finding({ line: 90 })), prints(finding()));
    const [one = '', again = '', other] = prints(finding(), finding(), finding({ code: 'IST0118' })) ?? [];
    assert.equal(again, one.replace(/:1$/, ':2'));
    assert.notEqual(other, one);
  });
});

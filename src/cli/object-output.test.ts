import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KindTable } from '../control/api/contract.ts';
import { objectsText, type ObjectOutput } from './object-output.ts';
import { splitNames } from './object-names.ts';

const table: KindTable = {
  group: 'networking.istio.io',
  kind: 'VirtualService',
  plural: 'virtualservices',
  namespaced: true,
  columns: [
    { name: 'Gateways', wide: false },
    { name: 'Hosts', wide: false },
    { name: 'Export', wide: true },
  ],
  items: [
    {
      document: { metadata: { name: 'reviews', namespace: 'default', creationTimestamp: '2030-01-01T00:00:00Z' } },
      cells: ['', 'reviews', '*'],
    },
    { document: { metadata: { name: 'r', namespace: 'shop' } }, cells: ['g', 'r,s', ''] },
  ],
};
const format: ObjectOutput = { output: 'table', headers: true, allNamespaces: false, now: new Date('2030-01-01T03:20:00Z') };

describe('objectsText', () => {
  it('draws tables as kubectl does', () => {
    assert.equal(
      objectsText([table], format),
      `NAME      GATEWAYS   HOSTS     AGE
reviews   -          reviews   3h20m
r         g          r,s       -`,
    );
    assert.equal(
      objectsText([table], { ...format, output: 'wide', allNamespaces: true, headers: false }),
      `default   reviews   -   reviews   *   3h20m
shop      r         g   r,s       -   -`,
    );
  });

  it('tells kinds apart when there are several', () => {
    const other: KindTable = { ...table, group: '', kind: 'Service', columns: [], items: table.items.slice(1) };
    assert.match(
      objectsText([table, other], format),
      /^virtualservice\.networking\.istio\.io\/reviews[^]*\n\nNAME[^]*\nservice\/r /m,
    );
  });

  it('also when only one of those that were asked for has objects', () => {
    const none: KindTable = { ...table, kind: 'Gateway', items: [] };
    assert.match(objectsText([table, none], format), /^virtualservice\.networking\.istio\.io\/r /m);
    assert.match(objectsText([table], format), /^r /m);
  });

  it('prints names, one object, or a list', () => {
    assert.equal(
      objectsText([table], { ...format, output: 'name' }),
      'virtualservice.networking.istio.io/reviews\nvirtualservice.networking.istio.io/r',
    );
    assert.equal(JSON.parse(objectsText([table], { ...format, output: 'json' })).items.length, 2);
    const one = { ...table, items: table.items.slice(0, 1) };
    assert.match(objectsText([one], { ...format, output: 'yaml', single: true }), /^metadata:\n {2}name: reviews\n/);
  });
});

describe('splitNames', () => {
  it('reads names as kubectl does', () => {
    assert.deepEqual(splitNames(['vs', 'a', 'b']), [{ kind: 'vs', names: ['a', 'b'] }]);
    assert.deepEqual(splitNames(['vs,dr']), [{ kind: 'vs,dr', names: [] }]);
    assert.deepEqual(splitNames(['vs/a', 'dr/b', 'vs/c']), [
      { kind: 'vs', names: ['a', 'c'] },
      { kind: 'dr', names: ['b'] },
    ]);
    for (const wrong of [[], ['vs,dr', 'a'], ['vs/a', 'b'], ['vs/'], ['vs/a/b']])
      assert.throws(() => splitNames(wrong), { exitCode: 2 });
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { originOf, refOf, type ApiObject } from '../api/object.ts';
import { Layers } from './layers.ts';
import type { Changes, Source } from './source.ts';
import { decodeAnything } from './test-decode.ts';

const object = (name: string): ApiObject => {
  const { object: decoded } = decodeAnything({ apiVersion: 't/v1', kind: 'T', metadata: { name } }, originOf('x'));
  assert.ok(decoded);
  return decoded;
};

function fake(name: string, initial: ApiObject[]): Source & { change(changes: Partial<Changes>): void } {
  let listener: (changes: Changes) => void = () => {};
  return {
    name,
    async start(onChange) {
      listener = onChange;
      onChange({ upserts: initial, deletes: [], diagnostics: [] });
    },
    change: (changes) => listener({ upserts: [], deletes: [], diagnostics: [], ...changes }),
    async [Symbol.asyncDispose]() {},
  };
}

describe('Layers', () => {
  it('lets the upper source win, and the lower one back when the upper is gone', async () => {
    const [above, below, other] = [object('a'), object('a'), object('b')];
    const top = fake('store', [above]);
    const bottom = fake('files', [below, other]);
    const layers = new Layers([top, bottom]);
    const heard: Changes[] = [];
    await layers.start((changes) => heard.push(changes));
    assert.equal(heard.length, 1);
    assert.deepEqual(new Set(heard[0]?.upserts), new Set([above, other]));
    assert.equal(heard[0]?.diagnostics[0]?.code, 'LAT0104');
    assert.deepEqual(layers.holders(refOf(above)), ['store', 'files']);

    bottom.change({ upserts: [object('a')] });
    assert.deepEqual([heard[1]?.upserts, heard[1]?.deletes], [[], []]);
    const latest = object('a');
    bottom.change({ upserts: [latest] });
    top.change({ deletes: [refOf(above)] });
    assert.deepEqual(heard[3]?.upserts, [latest]);
    assert.deepEqual(heard[3]?.diagnostics, []);
    bottom.change({ deletes: [refOf(latest)] });
    assert.deepEqual(heard[4]?.deletes, [refOf(latest)]);
  });
});

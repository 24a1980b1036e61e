// Any order of exchanged and refused listeners, late tables, slow answers and broken streams: a port at which something listened never
// stops being listened at, and in the end the proxy has what there is. The proxy is a model of how Envoy takes listeners.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { nodeId, setUp } from '../../test/support/xds/delta-set-up.ts';
import { fake, fakeListener, together } from '../../test/support/xds/fake-compiler.ts';
import { DeltaProxy, type Got } from '../../test/support/xds/fake-proxy.ts';
import { deltaPath, type Ads } from './ads.ts';

const addresses = ['0.0.0.0', '10.0.0.1', '10.0.0.2'] as const;
const tables = ['t0', 't1', 't2', 't3'] as const;
const nameAt = (address: string): string => `${address}_70`;

/** What stands in a listener besides its address: the table that it waits for, and whether Envoy refuses it. */
const wordsOf = (content: string): readonly string[] => content.slice(content.indexOf('!') + 1).split(' ');

/** Listeners as Envoy has them: one serves when its table is there, and until then its earlier form does. */
class ModelEnvoy {
  readonly #ads: Ads;
  #proxy: DeltaProxy;
  #waiting: Got[] = [];
  readonly #versions = { listener: new Map<string, string>(), route: new Map<string, string>() };
  readonly #warming = new Map<string, { readonly version: string; readonly table: string }>();
  readonly #asked = new Set<string>();
  readonly serving = new Map<string, string>();

  constructor(ads: Ads) {
    this.#ads = ads;
    this.#proxy = this.#open();
    this.#proxy.subscribe('listener');
  }

  #open(): DeltaProxy {
    const handler = this.#ads.handlers[deltaPath];
    assert.ok(handler);
    return new DeltaProxy(handler, nodeId('p'));
  }

  /** The stream breaks, with all that is under way on it, and another is opened. */
  reconnect(): void {
    this.#proxy.close();
    this.#waiting = [];
    this.#proxy = this.#open();
    const kept = (type: 'listener' | 'route') => Object.fromEntries(this.#versions[type]);
    this.#proxy.send('listener', { initialResourceVersions: kept('listener') });
    if (this.#asked.size > 0)
      this.#proxy.send('route', { resourceNamesSubscribe: [...this.#asked], initialResourceVersions: kept('route') });
  }

  /** Takes up to `most` responses; how many there were. */
  take(most: number): number {
    this.#waiting.push(...this.#proxy.take());
    const taken = this.#waiting.splice(0, most);
    for (const got of taken) {
      if (got.type === 'listener') this.#takeListeners(got);
      else this.#takeTables(got);
    }
    return taken.length;
  }

  #takeListeners(got: Got): void {
    for (const name of got.removed) for (const each of [this.#versions.listener, this.#warming, this.serving]) each.delete(name);
    const refused: string[] = [];
    const fresh: string[] = [];
    for (const [index, name] of got.names.entries()) {
      const [table = '', bad] = wordsOf(got.contents[index] ?? '');
      const version = got.versions[name] ?? '';
      if (bad === 'bad') {
        refused.push(name);
        continue;
      }
      this.#versions.listener.set(name, version);
      this.#warming.set(name, { version, table });
      if (!this.#asked.has(table)) fresh.push(table);
      this.#asked.add(table);
    }
    this.#warm();
    // Envoy asks for what its listeners wait for before it answers.
    if (fresh.length > 0) this.#proxy.subscribe('route', ...new Set(fresh));
    if (refused.length === 0) this.#proxy.ack(got);
    else this.#proxy.nack(got, `Error adding/updating listener(s) ${refused.join(', ')}: no`);
  }

  #takeTables(got: Got): void {
    for (const name of got.names) this.#versions.route.set(name, got.versions[name] ?? '');
    this.#warm();
    this.#proxy.ack(got);
  }

  #warm(): void {
    for (const [name, { version, table }] of this.#warming) {
      if (!this.#versions.route.has(table)) continue;
      this.serving.set(name, version);
      this.#warming.delete(name);
    }
  }
}

const change = fc.record({
  kind: fc.constant('change' as const),
  /** At which addresses something is to listen. */
  at: fc.subarray([...addresses], { minLength: 1 }),
  table: fc.constantFrom(...tables),
  bad: fc.boolean(),
  /** Whether the table cannot be computed for now. */
  late: fc.boolean(),
});
const step = fc.oneof(
  { weight: 3, arbitrary: change },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('take' as const), most: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 700 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('mend' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('break' as const) }) },
);

test('no order of changes, answers and broken streams leaves a port without a listener', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { ads, a, clock } = setUp();
      const put = (at: readonly string[], table: string, bad = false) =>
        together(() => {
          for (const address of addresses) {
            if (!at.includes(address)) a.drop('listener', nameAt(address));
            else a.put('listener', fakeListener(nameAt(address), address, 70, `!${table}${bad ? ' bad' : ''}`));
          }
        });
      a.put('route', ...tables.map((table) => fake(table)));
      put(['0.0.0.0'], 't0');
      const envoy = new ModelEnvoy(ads);
      let starting = true;
      const settle = () => {
        for (let round = 0; round < 20; round += 1) {
          clock.pass(600);
          while (envoy.take(1) > 0) assert.ok(envoy.serving.size > 0 || starting);
        }
      };
      settle();
      starting = false;
      for (const each of steps) {
        switch (each.kind) {
          case 'change': {
            const { table } = each;
            together(() => {
              if (each.late) a.broken.value = { ...a.broken.value, [`route ${table}`]: 'late' };
              put(each.at, table, each.bad);
            });
            break;
          }
          case 'mend':
            a.broken.value = {};
            break;
          case 'take':
            envoy.take(each.most);
            break;
          case 'pass':
            clock.pass(each.ms);
            break;
          case 'break':
            envoy.reconnect();
        }
        assert.ok(envoy.serving.size > 0, `after ${JSON.stringify(each)}`);
      }
      a.broken.value = {};
      put(['10.0.0.1'], 't0');
      settle();
      const wanted = fakeListener(nameAt('10.0.0.1'), '10.0.0.1', 70, '!t0');
      assert.deepEqual([...envoy.serving], [[wanted.name, wanted.version]]);
      assert.ok(ads.distribution.settled);
    }),
    { numRuns: 300 },
  );
});

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { originOf, type ApiObject } from '../../api/object.ts';
import { decodeAnything } from '../test-decode.ts';
import { StoreSource } from '../store.ts';
import type { Changes } from '../source.ts';
import { readDocuments } from '../yaml.ts';
import { EmbeddedStore } from './store.ts';
import type { StoreEvent } from './watch-history.ts';

const ref = { group: 't', kind: 'T', namespace: 'default', name: 'a' };

function object(fields: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}): ApiObject {
  const document = { apiVersion: 't/v1', kind: 'T', metadata: { name: 'a', ...metadata }, ...fields };
  const { object: decoded } = decodeAnything(document, originOf('test'));
  assert.ok(decoded);
  return decoded;
}

describe('EmbeddedStore', () => {
  let folder: string;
  let file: string;
  let store: EmbeddedStore;
  const now = (): Date => new Date('2030-01-02T03:04:05.678Z');

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lateen-store-'));
    file = join(folder, 'objects.db');
    store = new EmbeddedStore(file, now);
  });
  afterEach(() => {
    store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const metadata = (): Record<string, unknown> => store.get(ref)?.document['metadata'] as Record<string, unknown>;

  it('creates, configures and leaves alone, as kubectl says it', () => {
    assert.equal(store.apply(object({ spec: { a: 1, b: 2 } })).outcome, 'created');
    assert.equal(store.apply(object({ spec: { b: 2, a: 1 } })).outcome, 'unchanged');
    assert.equal(store.outcomeOf(object({ spec: { a: 2 } })), 'configured');
    assert.equal(store.apply(object({ spec: { a: 2 } })).outcome, 'configured');
    assert.deepEqual(store.get(ref)?.document['spec'], { a: 2 });
  });

  it('counts generation for the spec only, and resourceVersion for every change', () => {
    store.apply(object({ spec: { a: 1 } }));
    const { uid } = metadata();
    assert.deepEqual(metadata(), {
      name: 'a',
      namespace: 'default',
      uid,
      creationTimestamp: '2030-01-02T03:04:05Z',
      resourceVersion: '1',
      generation: 1,
    });
    store.apply(object({ spec: { a: 1 } }, { labels: { x: 'y' } }));
    assert.deepEqual([metadata()['generation'], metadata()['resourceVersion'], metadata()['uid']], [1, '2', uid]);
    store.apply(object({ spec: { a: 1 }, status: { ready: true } }, { labels: { x: 'y' } }));
    assert.deepEqual([metadata()['generation'], metadata()['resourceVersion']], [1, '3']);
    store.apply(object({ spec: { a: 2 } }, { labels: { x: 'y' } }));
    assert.deepEqual([metadata()['generation'], metadata()['resourceVersion']], [2, '4']);
    assert.deepEqual(store.get(ref)?.document['status'], { ready: true });
  });

  it('does not let a manifest decide what is the store’s', () => {
    store.apply(object({}, { uid: 'mine', resourceVersion: '99', creationTimestamp: '1999-01-01T00:00:00Z' }));
    assert.equal(metadata()['resourceVersion'], '1');
    assert.equal(metadata()['creationTimestamp'], '2030-01-02T03:04:05Z');
    assert.notEqual(metadata()['uid'], 'mine');
  });

  it('survives a restart, versions included', () => {
    store.apply(object({ spec: 1 }));
    store.delete(ref);
    store.apply(object({ spec: 2 }));
    const before = store.list();
    store.close();
    store = new EmbeddedStore(file, now);
    assert.deepEqual(store.list(), before);
    assert.equal(store.resourceVersion(), 3);
  });

  it('tells watchers each transaction as one, from the version they saw last', () => {
    const heard: string[] = [];
    const listen = (events: readonly StoreEvent[]): void => {
      heard.push(events.map(({ type, resourceVersion }) => `${type} ${resourceVersion}`).join(', '));
    };
    store.apply(object({ spec: 1 }));
    const subscription = store.watch(0, listen);
    store.transaction(() => {
      store.apply(object({ spec: 2 }));
      store.apply(object({ spec: 2 }));
      store.delete(ref);
    });
    subscription?.close();
    store.apply(object({ spec: 3 }));
    assert.deepEqual(heard, ['ADDED 1', 'MODIFIED 2, DELETED 3']);
    store.watch(3, listen);
    assert.equal(heard.at(-1), 'ADDED 4');
  });

  it('asks a watcher to list again when its version is from before the restart, or too old', () => {
    store.apply(object({ spec: 0 }));
    const seen = store.resourceVersion();
    for (let n = 1; n <= 1_001; n++) store.apply(object({ spec: n }));
    assert.equal(
      store.watch(seen, () => {}),
      undefined,
    );
    store.close();
    store = new EmbeddedStore(file, now);
    assert.equal(
      store.watch(seen, () => {}),
      undefined,
    );
    assert.ok(store.watch(store.resourceVersion(), () => {}));
  });

  it('writes nothing of a transaction that fails, and tells nobody', () => {
    let events = 0;
    store.watch(0, () => events++);
    assert.throws(() =>
      store.transaction(() => {
        store.apply(object());
        throw new Error('stop');
      }),
    );
    assert.deepEqual([store.list(), store.resourceVersion(), events], [[], 0, 0]);
    assert.equal(store.apply(object()).outcome, 'created');
  });

  it('keeps its files private', () => {
    store.apply(object());
    for (const path of [file, `${file}-wal`]) assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it('is one process’s', () => {
    assert.throws(() => new EmbeddedStore(file, now), { code: 'LAT0111' });
  });

  it('leaves a foreign, damaged or newer file alone', () => {
    const foreign = join(folder, 'foreign.db');
    writeFileSync(foreign, 'not a database at all, but long enough to be taken for one'.repeat(20));
    assert.throws(() => new EmbeddedStore(foreign, now), { code: 'LAT0112' });
    assert.match(readFileSync(foreign, 'utf8'), /^not a database/);

    const other = join(folder, 'other.db');
    const database = new DatabaseSync(other);
    database.exec('CREATE TABLE mine (x)');
    database.close();
    assert.throws(() => new EmbeddedStore(other, now), { code: 'LAT0112' });

    for (let n = 0; n < 200; n++) store.apply(object({ spec: 'x'.repeat(500) }, { name: `n${n}` }));
    store.close();
    const bytes = readFileSync(file);
    bytes.fill(0xff, 4096, 12_288);
    writeFileSync(file, bytes);
    assert.throws(() => new EmbeddedStore(file, now), { code: 'LAT0113' });
    assert.deepEqual(readFileSync(file), bytes);

    const newer = join(folder, 'newer.db');
    store = new EmbeddedStore(newer, now);
    store.close();
    const handle = new DatabaseSync(newer);
    handle.exec('PRAGMA user_version = 99');
    handle.close();
    assert.throws(() => new EmbeddedStore(newer, now), { code: 'LAT0114' });
    store = new EmbeddedStore(join(folder, 'last.db'), now);
  });

  it('feeds the mesh, with the places of what was applied, also after a restart', async () => {
    const [document] = readDocuments(
      '# note\napiVersion: t/v1\nkind: T\nmetadata: {name: a}\nspec:\n  x: 1\n',
      'applied.yaml',
    ).documents;
    assert.ok(document);
    const { object: decoded } = decodeAnything(document.value, document.origin);
    assert.ok(decoded);
    store.apply(decoded, document.span);
    store.close();
    store = new EmbeddedStore(file, now);
    const heard: Changes[] = [];
    const source = new StoreSource(store, decodeAnything);
    await source.start((changes) => heard.push(changes));
    const origin = heard[0]?.upserts[0]?.origin;
    assert.equal(origin?.source, 'applied.yaml');
    assert.deepEqual(origin?.position(['spec', 'x']), { line: 6, column: 3 });
    store.delete(ref);
    assert.deepEqual(heard[1]?.deletes, [ref]);
    await source[Symbol.asyncDispose]();
  });
});

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FilesSource } from './files.ts';
import { loadFiles } from './manifest.ts';
import type { Changes } from './source.ts';
import { decodeAnything } from './test-decode.ts';

const object = (name: string, value = 1): string => `{apiVersion: t/v1, kind: T, metadata: {name: ${name}}, value: ${value}}\n`;

describe('FilesSource', () => {
  let folder: string;
  let heard: Changes[];
  let source: FilesSource;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lateen-files-'));
    heard = [];
    source = new FilesSource([folder], decodeAnything);
  });
  afterEach(async () => {
    await source[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const write = (path: string, text: string): void => writeFileSync(join(folder, path), text);
  const start = (): Promise<void> => source.start((changes) => heard.push(changes));
  const names = (changes: Changes | undefined): string[] => (changes?.upserts ?? []).map(({ metadata }) => metadata.name).sort();
  /** Looks at once: the watches themselves are tested separately. */
  const next = (): Changes | undefined => {
    const before = heard.length;
    source.scan();
    return heard[before];
  };

  it('reads folders recursively, by name and without hidden files', async () => {
    mkdirSync(join(folder, 'sub/.git'), { recursive: true });
    write('a.yaml', object('a'));
    write('sub/b.json', '{"apiVersion": "t/v1", "kind": "T", "metadata": {"name": "b"}}');
    write('sub/.git/c.yaml', object('c'));
    write('.hidden.yaml', object('d'));
    write('readme.txt', 'not a manifest');
    symlinkSync(folder, join(folder, 'sub/loop'));
    await start();
    assert.deepEqual(names(heard[0]), ['a', 'b']);
    assert.deepEqual(heard[0]?.diagnostics, []);
  });

  it('hands over only what changed', async () => {
    write('a.yaml', object('a'));
    write('b.yaml', object('b'));
    await start();
    write('b.yaml', object('b', 2) + '---\n' + object('c'));
    assert.deepEqual(names(next()), ['b', 'c']);
    assert.equal(next(), undefined);
    rmSync(join(folder, 'b.yaml'));
    assert.deepEqual(
      next()?.deletes.map(({ name }) => name),
      ['b', 'c'],
    );
  });

  it('keeps the last good objects of a file that breaks, and says so', async () => {
    write('a.yaml', object('a') + '---\n' + object('b'));
    await start();
    write('a.yaml', object('a', 2) + '---\nb: [\n');
    const broken = next();
    assert.deepEqual(names(broken), ['a']);
    assert.deepEqual(broken?.deletes, []);
    assert.match(broken?.diagnostics[0]?.message ?? '', /last good objects stay in force/);
    write('a.yaml', object('a', 2));
    const mended = next();
    assert.deepEqual(
      mended?.deletes.map(({ name }) => name),
      ['b'],
    );
    assert.deepEqual(mended?.diagnostics, []);
  });

  it('keeps the last good form of an object that its kind refuses', async () => {
    write('a.yaml', object('a'));
    await start();
    write('a.yaml', object('a').replace('value: 1', 'refuse: true'));
    const refused = next();
    assert.deepEqual([refused?.upserts, refused?.deletes], [[], []]);
    assert.match(refused?.diagnostics[0]?.message ?? '', /last good/);
  });

  it('takes the first of two objects with one name, by path and place, and names both places', async () => {
    write('b.yaml', '\n' + object('twin', 2));
    write('a.yaml', object('twin', 1));
    await start();
    assert.equal(heard[0]?.upserts.length, 1);
    assert.equal(heard[0]?.upserts[0]?.origin.source, join(folder, 'a.yaml'));
    const [diagnostic] = heard[0]?.diagnostics ?? [];
    assert.equal(diagnostic?.file, join(folder, 'b.yaml'));
    assert.equal(diagnostic?.line, 2);
    assert.match(diagnostic?.message ?? '', /a\.yaml:1:/);
    rmSync(join(folder, 'a.yaml'));
    const after = next();
    assert.equal(after?.upserts[0]?.origin.source, join(folder, 'b.yaml'));
    assert.deepEqual(after?.deletes, []);
  });

  it('keeps the objects of a named path that is gone, and says so', async () => {
    write('a.yaml', object('a'));
    await source[Symbol.asyncDispose]();
    source = new FilesSource([join(folder, 'a.yaml')], decodeAnything);
    await start();
    rmSync(join(folder, 'a.yaml'));
    const gone = next();
    assert.deepEqual([gone?.upserts, gone?.deletes], [[], []]);
    assert.equal(gone?.diagnostics[0]?.code, 'LAT0100');
    write('a.yaml', object('a', 2));
    assert.deepEqual(names(next()), ['a']);
  });

  it('sees an atomic rename, a new folder and a deletion without being asked', async () => {
    write('a.yaml', object('a'));
    await start();
    const change = (): Promise<Changes> =>
      new Promise((resolve) => {
        const push = heard.push.bind(heard);
        heard.push = (...changes) => {
          resolve(changes[0] as Changes);
          return push(...changes);
        };
      });
    let changed = change();
    write('.a.yaml.tmp', object('a', 2));
    renameSync(join(folder, '.a.yaml.tmp'), join(folder, 'a.yaml'));
    assert.deepEqual(names(await changed), ['a']);
    changed = change();
    mkdirSync(join(folder, 'new'));
    write('new/b.yaml', object('b'));
    assert.deepEqual(names(await changed), ['b']);
    changed = change();
    rmSync(join(folder, 'new'), { recursive: true });
    assert.deepEqual(
      (await changed).deletes.map(({ name }) => name),
      ['b'],
    );
  });
});

describe('loadFiles', () => {
  it('is incomplete when a path is missing, and still gives the rest', () => {
    const folder = mkdtempSync(join(tmpdir(), 'lateen-files-'));
    try {
      writeFileSync(join(folder, 'a.yaml'), object('a'));
      const loaded = loadFiles([folder, join(folder, 'none.yaml')], decodeAnything);
      assert.equal(loaded.objects.length, 1);
      assert.equal(loaded.complete, false);
      assert.match(loaded.diagnostics[0]?.message ?? '', /no such file/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

// The files source: manifests in files and folders, watched. Hands objects and later changes to the store.

import { watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Diagnostic } from '../api/diagnostic.ts';
import { refKey, refOf, type ApiObject, type ObjectRef } from '../api/object.ts';
import { filesUnder, readText } from './file-tree.ts';
import { duplicateOf, readManifest, type Decode } from './manifest.ts';
import type { Changes, Source } from './source.ts';

/** What is known of one file. */
interface FileState {
  readonly signature: string;
  readonly text: string | undefined;
  /** By key; the objects in force, which are older than the text where the text is broken. */
  readonly objects: ReadonlyMap<string, ApiObject>;
  readonly diagnostics: readonly Diagnostic[];
}

/** Editors write in several steps and git writes many files: changes are read when nothing moved for this long, … */
const quietMs = 40;
/** … but not later than this after the first. */
const latestMs = 400;
/** Watches miss things (network file systems, watch limits): everything is looked at again this often. */
const rescanMs = 5_000;

export class FilesSource implements Source {
  readonly name = 'files';
  readonly #paths: readonly string[];
  readonly #decode: Decode;
  #files = new Map<string, FileState>();
  #emitted: ReadonlyMap<string, ApiObject> = new Map();
  #said = '';
  #watchers = new Map<string, FSWatcher>();
  #onChange: ((changes: Changes) => void) | undefined;
  #quiet: NodeJS.Timeout | undefined;
  #latest: NodeJS.Timeout | undefined;
  #rescan: NodeJS.Timeout | undefined;

  constructor(paths: readonly string[], decode: Decode) {
    this.#paths = paths;
    this.#decode = decode;
  }

  async start(onChange: (changes: Changes) => void): Promise<void> {
    this.#onChange = onChange;
    this.scan(true);
    this.#rescan = setInterval(() => this.scan(), rescanMs);
    this.#rescan.unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#onChange = undefined;
    clearInterval(this.#rescan);
    this.#cancelScan();
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** Looks at every path and hands over what changed since the last time; nothing where nothing did. */
  scan(first = false): void {
    this.#cancelScan();
    const tree = filesUnder(this.#paths);
    this.#watch(tree.folders);

    const diagnostics = [...tree.diagnostics];
    const files = new Map<string, FileState>();
    const objects = new Map<string, ApiObject>();
    for (const { path, signature } of tree.files) {
      const state = this.#read(path, signature);
      files.set(path, state);
      diagnostics.push(...state.diagnostics);
      for (const [key, object] of state.objects) {
        const kept = objects.get(key);
        if (kept === undefined) objects.set(key, object);
        else diagnostics.push(duplicateOf(kept, object));
      }
    }
    this.#keepUnreadable(tree.diagnostics, files, objects);
    this.#files = files;
    this.#emit(objects, diagnostics, first);
  }

  #read(path: string, signature: string): FileState {
    const before = this.#files.get(path);
    if (before !== undefined && before.signature === signature) return before;
    const text = readText(path);
    if (typeof text !== 'string') {
      return { signature: '', text: before?.text, objects: before?.objects ?? new Map(), diagnostics: [lastGood(text, before)] };
    }
    if (before !== undefined && before.text === text) return { ...before, signature };

    const manifest = readManifest(text, path, this.#decode);
    const objects = new Map<string, ApiObject>();
    const diagnostics: Diagnostic[] = manifest.diagnostics.map((diagnostic) => lastGood(diagnostic, before));
    for (const { object, ref, diagnostics: found } of manifest.items) {
      const key = ref && refKey(ref);
      const earlier = key === undefined ? undefined : before?.objects.get(key);
      const inForce = object ?? earlier;
      diagnostics.push(...(object === undefined && earlier !== undefined ? found.map((d) => lastGood(d, before)) : found));
      if (key === undefined || inForce === undefined) continue;
      const kept = objects.get(key);
      if (kept === undefined) objects.set(key, inForce);
      else diagnostics.push(duplicateOf(kept, inForce));
    }
    // Which object a broken document was cannot be told, so none of this file's earlier objects is taken for deleted.
    if (manifest.diagnostics.length > 0) {
      for (const [key, object] of before?.objects ?? []) if (!objects.has(key)) objects.set(key, object);
    }
    return { signature, text, objects, diagnostics };
  }

  /** A path that can no longer be read keeps its objects, a named one also when it is gone: a slip must not empty the mesh. */
  #keepUnreadable(unreadable: readonly Diagnostic[], files: Map<string, FileState>, objects: Map<string, ApiObject>): void {
    for (const { file } of unreadable) {
      for (const [path, state] of this.#files) {
        if (files.has(path) || file === undefined || (path !== file && !path.startsWith(`${file}/`))) continue;
        files.set(path, { ...state, signature: '' });
        for (const [key, object] of state.objects) if (!objects.has(key)) objects.set(key, object);
      }
    }
  }

  #emit(objects: ReadonlyMap<string, ApiObject>, diagnostics: readonly Diagnostic[], first: boolean): void {
    const upserts: ApiObject[] = [];
    const deletes: ObjectRef[] = [];
    for (const [key, object] of objects) if (this.#emitted.get(key) !== object) upserts.push(object);
    for (const [key, object] of this.#emitted) if (!objects.has(key)) deletes.push(refOf(object));
    const said = JSON.stringify(diagnostics);
    if (!first && upserts.length === 0 && deletes.length === 0 && said === this.#said) return;
    this.#emitted = objects;
    this.#said = said;
    this.#onChange?.({ upserts, deletes, diagnostics });
  }

  /** Watches folders, not files: an atomic rename replaces the file, and a watch on it would follow the old one. */
  #watch(found: readonly string[]): void {
    if (this.#onChange === undefined) return;
    const named = this.#paths.filter((path) => path !== '-');
    const wanted = new Set([...found, ...named.map((path) => dirname(path))]);
    for (const [folder, watcher] of this.#watchers) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of wanted) {
      if (this.#watchers.has(folder)) continue;
      // Beside a named file may be anything, such as all of /tmp: only the file itself counts there.
      const names = new Set(named.filter((path) => dirname(path) === folder).map((path) => basename(path)));
      this.#watchFolder(folder, found.includes(folder) ? () => true : (name) => names.has(name));
    }
  }

  #watchFolder(folder: string, counts: (name: string) => boolean): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (name === null || counts(name)) this.#scanSoon();
      });
      const forget = (): void => {
        watcher.close();
        this.#watchers.delete(folder);
        this.#scanSoon();
      };
      watcher.on('error', forget);
      this.#watchers.set(folder, watcher);
    } catch {
      // A folder that is not there yet, or no watches left: the regular look finds its changes, only later.
    }
  }

  #scanSoon(): void {
    if (this.#onChange === undefined) return;
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.scan(), quietMs);
    this.#latest ??= setTimeout(() => this.scan(), latestMs);
  }

  #cancelScan(): void {
    clearTimeout(this.#quiet);
    clearTimeout(this.#latest);
    this.#latest = undefined;
  }
}

const lastGood = (diagnostic: Diagnostic, before: FileState | undefined): Diagnostic =>
  before === undefined || before.objects.size === 0
    ? diagnostic
    : { ...diagnostic, message: `${diagnostic.message}; the last good objects stay in force` };

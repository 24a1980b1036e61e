// The embedded store: what `lateen apply` wrote, kept in SQLite with Kubernetes' resourceVersion and generation. Watched by ../store.ts.

import { randomUUID } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import type { ApiObject, ObjectRef } from '../../api/object.ts';
import { refOf } from '../../api/object.ts';
import type { JsonObject, Span } from '../yaml.ts';
import { openDatabase } from './database.ts';
import { WatchHistory, type StoreEvent, type Subscription } from './watch-history.ts';

/** An object at rest. `document.metadata` carries uid, creationTimestamp, resourceVersion and generation. */
export interface StoredObject {
  readonly ref: ObjectRef;
  readonly document: JsonObject;
  /** The text it was applied from, so that its fields still have file, line and column. */
  readonly span: Span | undefined;
}

export type Outcome = 'created' | 'configured' | 'unchanged';

export interface Selection {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
}

/** What the store says of an object; a manifest that carries it (from `get -o yaml`) does not decide it. */
const systemFields = new Set(['uid', 'resourceVersion', 'generation', 'creationTimestamp', 'managedFields', 'selfLink']);

export class EmbeddedStore {
  readonly #database: DatabaseSync;
  readonly #now: () => Date;
  readonly #history: WatchHistory;
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #remove: StatementSync;
  readonly #count: StatementSync;
  /** The events of the transaction that is open, if one is. */
  #pending: StoreEvent[] | undefined;

  /** Opens or creates `file`; throws `StoreError` when it is in use, foreign, damaged or newer. */
  constructor(file: string, now: () => Date) {
    this.#database = openDatabase(file);
    this.#now = now;
    this.#select = this.#database.prepare('SELECT * FROM objects WHERE grp = ? AND kind = ? AND namespace = ? AND name = ?');
    this.#insert = this.#database.prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)');
    this.#remove = this.#database.prepare('DELETE FROM objects WHERE grp = ? AND kind = ? AND namespace = ? AND name = ?');
    this.#count = this.#database.prepare('UPDATE counter SET value = value + 1 RETURNING value');
    this.#history = new WatchHistory(this.resourceVersion());
  }

  /** The version of the store as a whole: that of the newest change. */
  resourceVersion(): number {
    return Number(this.#database.prepare('SELECT value FROM counter').get()?.['value'] ?? 0);
  }

  /**
   * Makes the stored object equal to the given one. Its identity stays; `status` stays unless given; generation counts changes of
   * anything but metadata and status.
   */
  apply(object: ApiObject, span?: Span): { readonly outcome: Outcome; readonly stored: StoredObject } {
    const ref = refOf(object);
    const before = this.get(ref);
    const document = applied(object, before?.document);
    if (before !== undefined && isDeepStrictEqual(wanted(document), wanted(before.document))) {
      const stored = { ...before, span };
      this.#write(stored);
      return { outcome: 'unchanged', stored };
    }
    const stored = this.transaction(() => {
      const resourceVersion = this.#nextVersion();
      const result = { ref, document: stamped(document, before?.document, resourceVersion, this.#now), span };
      this.#write(result);
      this.#pending?.push({ type: before === undefined ? 'ADDED' : 'MODIFIED', resourceVersion, object: result });
      return result;
    });
    return { outcome: before === undefined ? 'created' : 'configured', stored };
  }

  /** What `apply` would do, with nothing written. */
  outcomeOf(object: ApiObject): Outcome {
    const before = this.get(refOf(object));
    if (before === undefined) return 'created';
    return isDeepStrictEqual(wanted(applied(object, before.document)), wanted(before.document)) ? 'unchanged' : 'configured';
  }

  delete(ref: ObjectRef): StoredObject | undefined {
    const before = this.get(ref);
    if (before === undefined) return undefined;
    return this.transaction(() => {
      this.#remove.run(ref.group, ref.kind, ref.namespace, ref.name);
      this.#pending?.push({ type: 'DELETED', resourceVersion: this.#nextVersion(), object: before });
      return before;
    });
  }

  get(ref: ObjectRef): StoredObject | undefined {
    const row = this.#select.get(ref.group, ref.kind, ref.namespace, ref.name);
    return row === undefined ? undefined : fromRow(row);
  }

  /** By group, kind, namespace and name, in that order. */
  list({ group, kind, namespace }: Selection = {}): StoredObject[] {
    const rows = this.#database
      .prepare(
        `SELECT * FROM objects WHERE (?1 IS NULL OR grp = ?1) AND (?2 IS NULL OR kind = ?2) AND (?3 IS NULL OR namespace = ?3)
         ORDER BY grp, kind, namespace, name`,
      )
      .all(group ?? null, kind ?? null, namespace ?? null);
    return rows.map(fromRow);
  }

  /** Runs changes as one: all are written, or none, and watchers hear of them together. */
  transaction<T>(change: () => T): T {
    if (this.#pending !== undefined) return change();
    const events: StoreEvent[] = [];
    this.#pending = events;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      const result = change();
      this.#database.exec('COMMIT');
      this.#pending = undefined;
      this.#history.add(events);
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    } finally {
      this.#pending = undefined;
    }
  }

  /**
   * Calls `listener` for every change after `resourceVersion`, past ones at once. Undefined when that is too long ago, or before
   * this process started: list again, then watch from `resourceVersion()`.
   */
  watch(resourceVersion: number, listener: (events: readonly StoreEvent[]) => void): Subscription | undefined {
    return this.#history.watch(resourceVersion, listener);
  }

  close(): void {
    this.#history.close();
    this.#database.close();
  }

  #nextVersion(): number {
    return Number(this.#count.get()?.['value']);
  }

  #write({ ref, document, span }: StoredObject): void {
    const { group, kind, namespace, name } = ref;
    this.#insert.run(group, kind, namespace, name, JSON.stringify(document), span === undefined ? null : JSON.stringify(span));
  }
}

const metadataOf = (document: JsonObject | undefined): JsonObject => (document?.['metadata'] ?? {}) as JsonObject;

/** The new document as a person wants it, with what is the store's own taken from the old one. */
function applied(object: ApiObject, before: JsonObject | undefined): JsonObject {
  const document = object.body;
  const { name, namespace } = object.metadata;
  const given = Object.entries(metadataOf(document)).filter(([field]) => !systemFields.has(field));
  const system = Object.entries(metadataOf(before)).filter(([field]) => systemFields.has(field));
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    ...(before?.['status'] !== undefined && { status: before['status'] }),
    ...document,
    metadata: { ...Object.fromEntries(given), name, ...(namespace !== '' && { namespace }), ...Object.fromEntries(system) },
  };
}

function stamped(document: JsonObject, before: JsonObject | undefined, version: number, now: () => Date): JsonObject {
  const {
    uid = randomUUID(),
    creationTimestamp = now()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z'),
    generation,
  } = metadataOf(before);
  const sameSpec = before !== undefined && isDeepStrictEqual(specOf(document), specOf(before));
  return {
    ...document,
    metadata: {
      ...metadataOf(document),
      uid,
      creationTimestamp,
      resourceVersion: String(version),
      generation: Number(generation ?? 0) + (sameSpec ? 0 : 1),
    },
  };
}

/** What a person gave: the whole document less the store's own fields. */
const wanted = (document: JsonObject): JsonObject => ({
  ...document,
  metadata: Object.fromEntries(Object.entries(metadataOf(document)).filter(([field]) => !systemFields.has(field))),
});

/** What generation counts: everything but metadata, status and the API version it was written in. */
const specOf = (document: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(document).filter(([field]) => !['apiVersion', 'metadata', 'status'].includes(field)));

function fromRow(row: Record<string, unknown>): StoredObject {
  return {
    ref: { group: String(row['grp']), kind: String(row['kind']), namespace: String(row['namespace']), name: String(row['name']) },
    document: JSON.parse(String(row['document'])),
    span: typeof row['span'] === 'string' ? JSON.parse(row['span']) : undefined,
  };
}

// Opens the embedded store's SQLite file: ours alone, private, checked, and never written to when it is not what we expect.

import { chmodSync, closeSync, constants, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { StoreError, storeError } from './store-error.ts';

/** "LATE": marks the file as ours (sqlite.org/pragma.html#pragma_application_id). */
const applicationId = 0x4c415445;
const schemaVersion = 1;

const schema = `
  CREATE TABLE objects (
    grp TEXT NOT NULL,
    kind TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    span TEXT,
    PRIMARY KEY (grp, kind, namespace, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE counter (only INTEGER PRIMARY KEY CHECK (only = 1), value INTEGER NOT NULL) STRICT;
  INSERT INTO counter VALUES (1, 0);
`;

/**
 * Opens or creates the file with mode 0600. The lock on it is the kernel's: held until the process ends, however it ends.
 * Throws `StoreError`.
 */
export function openDatabase(file: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    // SQLite gives its journal files the mode of the database file, which therefore has to be right before the first write.
    closeSync(openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600));
    chmodSync(file, 0o600);
    database = new DatabaseSync(file, { timeout: 0 });
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF');
    takeOver(database, file);
    return database;
  } catch (error) {
    database?.close();
    throw storeError(file, fileError(error));
  }
}

function takeOver(database: DatabaseSync, file: string): void {
  const tables = number(database, "SELECT count(*) AS n FROM sqlite_schema WHERE type = 'table'");
  const id = number(database, 'SELECT application_id AS n FROM pragma_application_id');
  const version = number(database, 'SELECT user_version AS n FROM pragma_user_version');
  if (tables > 0 && id !== applicationId) {
    throw new StoreError('LAT0112', `${file} is another program's database`, 'give another folder with --state');
  }
  if (version > schemaVersion) {
    throw new StoreError(
      'LAT0114',
      `${file} was written by a newer Lateen`,
      'use that version, or give another folder with --state',
    );
  }
  const [damage] = database.prepare('PRAGMA quick_check(1)').all();
  if (damage !== undefined && damage['quick_check'] !== 'ok') {
    throw new StoreError(
      'LAT0113',
      `${file} is damaged: ${String(damage['quick_check'])}`,
      'move it away and apply your manifests again, or restore a copy; nothing was written to it',
    );
  }
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE');
  if (tables === 0) {
    database.exec(schema);
    database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}`);
  }
  database.exec('COMMIT');
}

function number(database: DatabaseSync, query: string): number {
  const n = database.prepare(query).get()?.['n'];
  return typeof n === 'number' ? n : 0;
}

/** Errors of opening the file itself, as SQLite would call them. */
function fileError(error: unknown): unknown {
  if (error instanceof Error && 'code' in error && 'syscall' in error) Object.assign(error, { errcode: 14 });
  return error;
}

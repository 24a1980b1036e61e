// What every source of objects offers: a first full load, then changes, each as one transaction. Read by control and the CLI.

import type { Diagnostic } from '../api/diagnostic.ts';
import type { ApiObject, ObjectRef } from '../api/object.ts';

/** What changed together: applied to the store in one transaction. */
export interface Changes {
  readonly upserts: readonly ApiObject[];
  readonly deletes: readonly ObjectRef[];
  /** All that is wrong with this source's input now (replaces what it said before); objects named here are kept in their last good form or left out. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface Source {
  /** A short name for messages and metrics: `files`, `store`. */
  readonly name: string;
  /** Loads everything, hands it over as one change, then hands over each later change. Resolves after the first. */
  start(onChange: (changes: Changes) => void): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

// What an API kind is: one definition per file, from which validation, `get`, docs (and later CRDs and admission) are derived.

import type { TSchema, Static } from 'typebox';
import type { Diagnostic } from './diagnostic.ts';
import type { ApiObject, Path } from './object.ts';

/** What a check finds: a diagnostic less the object, whose path is relative to the document. */
export type Finding = Pick<Diagnostic, 'code' | 'severity' | 'message' | 'help'> & { readonly path: Path };

/** A rule that a schema cannot say. It sees the whole document (already schema-valid) and returns every breach. */
export type Check<Body> = CheckOf<Body>['check'];

/** Written as a method, which TypeScript compares loosely: so kinds of all bodies fit one list. */
interface CheckOf<Body> {
  check(body: Body, object: ApiObject<Body>): readonly Finding[];
}

export interface Column {
  readonly name: string;
  /** Where the cell's value stands, or how it is made. */
  readonly path?: Path;
  readonly value?: (object: ApiObject) => string;
  /** Shown only by `-o wide`. */
  readonly wide?: boolean;
}

export interface KindDefinition<Schema extends TSchema = TSchema> {
  readonly group: string;
  readonly kind: string;
  /** Served versions, storage version first. */
  readonly versions: readonly string[];
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly scope: 'namespaced' | 'cluster';
  /** The document's fields besides apiVersion, kind and metadata: usually `spec`. Unknown fields are refused by `validate`. */
  readonly schema: Schema;
  readonly checks: readonly Check<Static<Schema>>[];
  readonly columns: readonly Column[];
  /** Whether the compiler reads this kind yet; what is accepted but not yet in effect says so (LAT0001). */
  readonly inEffect: boolean;
}

export const defineKind = <Schema extends TSchema>(definition: KindDefinition<Schema>): KindDefinition<Schema> => definition;

/** `VirtualService.networking.istio.io`, the key of a kind in stores and tables. */
export const kindId = (group: string, kind: string): string => (group === '' ? kind : `${kind}.${group}`);

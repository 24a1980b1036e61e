// `get`: objects in effect, as tables with the columns of their kinds, once or as they change.

import { effect, untracked } from '@preact/signals-core';
import type { KindDefinition } from '../../api/kind.ts';
import { refKey, refOf, type ApiObject, type Path } from '../../api/object.ts';
import type { Store } from '../../store/store.ts';
import type { KindTable, ObjectDistribution, ObjectEvent, ObjectRow, ObjectsAnswer } from './contract.ts';
import { distributedText, distributionOf, isDelivered, type DistributionParts } from './distribution.ts';
import { documentOf, kindsNamed, printedName, selectorOf } from './names.ts';
import { compareText } from '../../lib/order.ts';

export interface ObjectsQuery {
  readonly kinds: string;
  readonly names: readonly string[];
  /** Undefined for all. */
  readonly namespace: string | undefined;
  readonly selector: string | undefined;
}

/** With `distribution`, also how far each object has come: a wide column, and `status.distribution` of the documents. */
export function listObjects(query: ObjectsQuery, store: Store, distribution?: DistributionParts): ObjectsAnswer {
  const definitions = kindsNamed(query.kinds);
  const kinds = definitions.map((definition) => table(definition, selected(query, definition, store), distribution));
  const missing: string[] = [];
  for (const definition of definitions) {
    const there = new Set(selected(query, definition, store).map(({ metadata }) => metadata.name));
    for (const name of query.names) {
      if (!there.has(name))
        missing.push(`${printedName({ group: definition.group, kind: definition.kind, namespace: '', name })} not found`);
    }
  }
  return { kinds, missing };
}

/** Gives what is there as ADDED, then each change. Returns what ends it. */
export function watchObjects(query: ObjectsQuery, store: Store, tell: (event: ObjectEvent) => void): () => void {
  const ends = kindsNamed(query.kinds).map((definition) => {
    let before = new Map<string, ApiObject>();
    return effect(() => {
      const now = new Map(selected(query, definition, store).map((object) => [refKey(refOf(object)), object]));
      untracked(() => {
        for (const [key, object] of now) {
          const earlier = before.get(key);
          if (earlier === object) continue;
          tell({ type: earlier === undefined ? 'ADDED' : 'MODIFIED', table: table(definition, [object]) });
        }
        for (const [key, object] of before) if (!now.has(key)) tell({ type: 'DELETED', table: table(definition, [object]) });
      });
      before = now;
    });
  });
  return () => ends.forEach((end) => end());
}

function selected(
  { names, namespace, selector }: ObjectsQuery,
  { group, kind, scope }: KindDefinition,
  store: Store,
): readonly ApiObject[] {
  const matches = selectorOf(selector);
  const all =
    scope === 'cluster' || namespace === undefined ? store.kind(group, kind).all() : store.inNamespace(group, kind, namespace);
  return all
    .filter(({ metadata }) => (names.length === 0 || names.includes(metadata.name)) && matches(metadata.labels))
    .sort((a, b) => compareText(a.metadata.namespace, b.metadata.namespace) || compareText(a.metadata.name, b.metadata.name));
}

function table(
  { group, kind, plural, scope, columns }: KindDefinition,
  objects: readonly ApiObject[],
  parts?: DistributionParts,
): KindTable {
  const followed = parts !== undefined && isDelivered({ group, kind }) ? distributionOf(objects.map(refOf), parts) : undefined;
  return {
    group,
    kind,
    plural,
    namespaced: scope === 'namespaced',
    columns: [
      ...columns.map(({ name, wide = false }) => ({ name, wide })),
      ...(followed === undefined ? [] : [{ name: 'Distributed', wide: true }]),
    ],
    items: objects.map((object, index): ObjectRow => {
      const cells = columns.map(({ path, value }) =>
        value === undefined ? cellText(at(object.body, path ?? [])) : value(object),
      );
      const document = documentOf(object);
      const distribution = followed?.[index];
      if (distribution === undefined) return { document, cells };
      return { document: withDistribution(document, distribution), cells: [...cells, distributedText(distribution)] };
    }),
  };
}

function withDistribution(document: ObjectRow['document'], { proxies, acknowledged, behind, waits }: ObjectDistribution) {
  const distribution = {
    proxies,
    acknowledged,
    rejected: behind.filter(({ state }) => state === 'rejected').length,
    ...(waits.length > 0 && { waits }),
  };
  return { ...document, status: { ...(document['status'] as object | undefined), distribution } };
}

function at(value: unknown, path: Path): unknown {
  let place: unknown = value;
  for (const step of path) {
    if (typeof place !== 'object' || place === null) return undefined;
    place = (place as Record<string | number, unknown>)[step];
  }
  return place;
}

/** Lists with commas, maps as `key=value,key=value`; what is nested deeper as JSON. */
export function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'object') return typeof value === 'string' ? value : JSON.stringify(value);
  if (Array.isArray(value)) return value.every(isScalar) ? value.join(',') : JSON.stringify(value);
  const entries = Object.entries(value);
  return entries.every(([, each]) => isScalar(each))
    ? entries.map(([key, each]) => `${key}=${each}`).join(',')
    : JSON.stringify(value);
}

const isScalar = (value: unknown): boolean => typeof value !== 'object' || value === null;

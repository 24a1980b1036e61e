// Objects as `get` prints them: tables with the columns of their kind, YAML, JSON or names.

import { stringify } from 'yaml';
import type { KindTable, ObjectRow } from '../control/api/contract.ts';
import { writeOptions } from '../sources/yaml-scalars.ts';
import { age, tableText } from './table.ts';

export const objectFormats = ['table', 'wide', 'yaml', 'json', 'name'] as const;
export type ObjectFormat = (typeof objectFormats)[number];

export interface ObjectOutput {
  readonly output: ObjectFormat;
  readonly headers: boolean;
  readonly allNamespaces: boolean;
  readonly now: Date;
  /** One object was asked for by name: it is printed itself, not a list of one. */
  readonly single?: boolean;
}

export function objectsText(tables: readonly KindTable[], format: ObjectOutput): string {
  const items = tables.flatMap((table) => table.items);
  switch (format.output) {
    case 'json':
      return JSON.stringify(documents(items, format.single), null, 2);
    case 'yaml':
      return stringify(documents(items, format.single), writeOptions).trimEnd();
    case 'name':
      return tables.flatMap((table) => table.items.map((item) => `${typeName(table)}/${nameOf(item)}`)).join('\n');
    case 'table':
    case 'wide':
      return tables
        .filter((table) => table.items.length > 0)
        .map((table) => kindText(table, format, tables.length > 1))
        .join('\n\n');
  }
}

function documents(items: readonly ObjectRow[], single: boolean | undefined): unknown {
  const [first] = items;
  if (single === true && items.length === 1) return first?.document;
  return { apiVersion: 'v1', kind: 'List', metadata: {}, items: items.map(({ document }) => document) };
}

function kindText(table: KindTable, { output, headers, allNamespaces, now }: ObjectOutput, prefix: boolean): string {
  const withNamespace = allNamespaces && table.namespaced;
  const shown = table.columns.map(({ wide }) => !wide || output === 'wide');
  const pick = (cells: readonly string[]): string[] => cells.filter((_, index) => shown[index]);
  const rows = table.items.map((item) => {
    const metadata = metadataOf(item);
    const name = prefix ? `${typeName(table)}/${nameOf(item)}` : nameOf(item);
    return [
      ...(withNamespace ? [metadata.namespace ?? ''] : []),
      name,
      ...pick(item.cells),
      age(metadata.creationTimestamp, now),
    ];
  });
  const head = [...(withNamespace ? ['Namespace'] : []), 'Name', ...pick(table.columns.map(({ name }) => name)), 'Age'];
  return tableText(head, rows, { headers });
}

const typeName = ({ group, kind }: KindTable): string => kind.toLowerCase() + (group === '' ? '' : `.${group}`);
interface Metadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly creationTimestamp?: string;
}

const metadataOf = (item: ObjectRow): Metadata => (item.document['metadata'] ?? {}) as Metadata;
const nameOf = (item: ObjectRow): string => metadataOf(item).name ?? '';

// What a table of a proxy's configuration is made of: rows with their cells, and with what the filters of a command line ask of them.

import type { JsonValue } from '@bufbuild/protobuf';
import type { ProxyConfiguration } from '../../explain/configuration.ts';
import { originsOf, originWords, type Locate } from '../../explain/origins.ts';

export const filterNames = ['address', 'port', 'fqdn', 'subset', 'direction', 'name', 'type', 'status', 'cluster'] as const;
export type FilterName = (typeof filterNames)[number];
export type Filters = Readonly<Partial<Record<FilterName, string>>>;

/** What is shown of one proxy. */
export interface Shown {
  readonly configuration: ProxyConfiguration;
  /** As protobuf-JSON. */
  readonly secrets: readonly JsonValue[];
  /** Where the fields of objects stand, as far as that is known. */
  readonly locate: Locate;
  readonly now: Date;
}

interface Column {
  readonly name: string;
  /** Only shown where everything is. */
  readonly wide?: true;
}

export interface Row {
  /** The name of the resource that it is a part of. */
  readonly resource: string;
  /** In the order of the table's columns. */
  readonly cells: readonly string[];
  /** The values that it has for a filter; one of them has to be the one asked for. */
  readonly facts: Readonly<Partial<Record<FilterName, readonly string[]>>>;
}

export interface Table {
  readonly columns: readonly Column[];
  /** Filters that mean something here. */
  readonly filters: readonly FilterName[];
  readonly rows: (shown: Shown) => Row[];
}

/** Names are asked for by parts of them, as istioctl does; all else as a whole, whether in upper or lower case. */
export const keeps = (filters: Filters, { facts }: Row): boolean =>
  filterNames.every((name) => {
    const wanted = filters[name]?.toLowerCase();
    if (wanted === undefined) return true;
    const given = (facts[name] ?? []).map((value) => value.toLowerCase());
    return name === 'fqdn' || name === 'name' ? given.some((value) => value.includes(wanted)) : given.includes(wanted);
  });

/** Object, field and line of everything that metadata names, nearest first. */
export const originText = (metadata: Parameters<typeof originsOf>[0], { locate }: Shown): string =>
  originsOf(metadata, locate).map(originWords).join(', ');

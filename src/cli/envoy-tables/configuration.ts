// A proxy's whole configuration as tables, matches first: `compile -o table` and `proxy`.

import type { Part } from '../../control/configuration-parts.ts';
import { parts } from '../../control/configuration-parts.ts';
import type { ConfigurationJson } from '../../control/resource-json.ts';
import { OnDemandSchema } from '../../../gen/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js';
import { HttpConnectionManagerSchema } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { TcpProxySchema } from '../../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { clusterWords } from '../../explain/plan/names.ts';
import { typedConfig } from '../../explain/typed-config.ts';
import { tableText, type TableOptions } from '../table.ts';
import { clusters } from './clusters.ts';
import { endpoints } from './endpoints.ts';
import { text } from './json.ts';
import { chainsOf, listeners } from './listeners.ts';
import { routes } from './routes.ts';
import { filterNames, keeps, type Filters, type Shown, type Table } from './row.ts';
import { secrets } from './secrets.ts';

const tables: Readonly<Record<Part, Table>> = { listeners, routes, clusters, endpoints, secrets };

export interface Choice {
  /** Every part, if undefined. */
  readonly part?: Part | undefined;
  readonly filters?: Filters;
}

export interface Layout extends TableOptions {
  /** Every column. */
  readonly wide?: boolean;
  /** What the proxy can call and has not, where that is known: names of clusters. */
  readonly uncalled?: readonly string[] | undefined;
}

/** The filters that mean nothing for what is shown. */
export const idleFilters = ({ part, filters = {} }: Choice): string[] =>
  filterNames.filter((name) => filters[name] !== undefined && !meant(part).some((each) => tables[each].filters.includes(name)));

const meant = (part: Part | undefined): readonly Part[] => (part === undefined ? parts : [part]);

/** A part for which none of the filters means anything is left out where all parts are meant. */
const chosen = ({ part, filters = {} }: Choice): readonly Part[] =>
  meant(part).filter((each) => filterNames.every((name) => filters[name] === undefined || tables[each].filters.includes(name)));

const keptRows = (part: Part, shown: Shown, filters: Filters) => tables[part].rows(shown).filter((row) => keeps(filters, row));

/** Every part that has something, one after another; empty where nothing is left. */
export function configurationText(shown: Shown, choice: Choice = {}, layout: Layout = {}): string {
  return chosen(choice)
    .flatMap((part) => {
      const rows = keptRows(part, shown, choice.filters ?? {});
      const below = part === 'clusters' || part === 'endpoints' ? uncalledText(shown, layout, choice) : [];
      const table = rows.length === 0 ? [] : [partText(part, rows, layout)];
      return choice.part === undefined && rows.length === 0 ? [] : [[...table, ...below].join('\n\n')];
    })
    .filter((each) => each !== '')
    .join('\n\n');
}

function partText(part: Part, rows: ReturnType<typeof keptRows>, { wide = false, ...options }: Layout): string {
  const { columns } = tables[part];
  const shownAt = columns.flatMap((column, index) => (column.wide === true && !wide ? [] : [index]));
  return tableText(
    shownAt.map((index) => columns[index]?.name ?? ''),
    rows.map(({ cells }) => shownAt.map((index) => cells[index] ?? '')),
    options,
  );
}

/** The resources of each part that have a row that is kept, as JSON. */
export function keptResources(json: ConfigurationJson, shown: Shown, choice: Choice): Partial<ConfigurationJson> {
  const { filters = {} } = choice;
  if (filterNames.every((name) => filters[name] === undefined))
    return choice.part === undefined ? json : { [choice.part]: json[choice.part] };
  return Object.fromEntries(
    chosen(choice).map((part) => {
      const names = new Set(keptRows(part, shown, filters).map(({ resource }) => resource));
      return [part, json[part].filter((each) => names.has(text(each, 'name') || text(each, 'clusterName')))];
    }),
  );
}

/** How many of the clusters that were not called are named. */
const named = 12;

function uncalledText(shown: Shown, { uncalled, wide = false }: Layout, { filters = {} }: Choice): string[] {
  if (!asksAsItCalls(shown) || Object.keys(filters).length > 0) return [];
  if (uncalled === undefined) return ['On demand: clusters that are not here come when they are called.'];
  if (uncalled.length === 0) return ['On demand: all that this proxy can call has been called.'];
  const names = uncalled.map(clusterWords).toSorted();
  const first = wide ? names : names.slice(0, named);
  const rest = names.length - first.length;
  return [
    `On demand: clusters that are not here come when they are called. Not called yet: ${first.join(', ')}${rest > 0 ? ` and ${rest} more (-o wide)` : ''}.`,
  ];
}

/** Whether a proxy asks for clusters as it calls them: its filters say so. */
export const asksAsItCalls = ({ configuration }: Pick<Shown, 'configuration'>): boolean =>
  configuration.listeners
    .flatMap((listener) => chainsOf(listener).flatMap(({ filters }) => filters))
    .map(({ configType }) => (configType.case === 'typedConfig' ? configType.value : undefined))
    .some(
      (config) =>
        typedConfig(TcpProxySchema, config)?.onDemand !== undefined ||
        typedConfig(HttpConnectionManagerSchema, config)?.httpFilters.some(
          ({ configType }) =>
            configType.case === 'typedConfig' && typedConfig(OnDemandSchema, configType.value)?.odcds !== undefined,
        ) === true,
    );

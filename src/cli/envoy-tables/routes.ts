// Route tables as rows: the host, what a request to it must match, in the order in which Envoy asks, and then where it goes.

import type { RouteConfiguration } from '../../../gen/envoy/config/route/v3/route_pb.js';
import type { Route, VirtualHost } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { HttpConnectionManagerSchema } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { clusterHeader } from '../../compile/demand/dialled.ts';
import type { ProxyConfiguration } from '../../explain/configuration.ts';
import { routeFacts, usualRetries } from '../../explain/plan/route-facts.ts';
import { typedConfig } from '../../explain/typed-config.ts';
import { isIpAddress } from '../../lib/ip-range.ts';
import { compareText } from '../../lib/order.ts';
import { chainsOf, dialledText } from './listeners.ts';
import { matchWords } from './match-words.ts';
import { originText, type Row, type Shown, type Table } from './row.ts';

export const routes: Table = {
  columns: [
    { name: 'Host' },
    { name: 'Match' },
    { name: 'Destination' },
    { name: 'Timeout' },
    { name: 'Retries' },
    { name: 'Route table' },
    { name: 'Origin' },
    { name: 'Also', wide: true },
    { name: 'Virtual host', wide: true },
    { name: 'Domains', wide: true },
  ],
  filters: ['name', 'fqdn', 'port'],
  rows: (shown) => distinct(tablesOf(shown.configuration).flatMap((table) => tableRows(table, shown))),
};

/** A table that several chains have is in a dump as often, and read as one with all of their hosts. */
const distinct = (rows: readonly Row[]): Row[] => [...new Map(rows.map((row) => [JSON.stringify(row.cells), row])).values()];

/** Those that came by themselves, then those that stand inside listeners; no name twice. */
function tablesOf({ routeNames, route, listeners }: ProxyConfiguration): RouteConfiguration[] {
  const tables = new Map<string, RouteConfiguration>();
  for (const name of routeNames()) {
    const table = route(name);
    if (table !== undefined) tables.set(name, table);
  }
  const inline = listeners
    .flatMap((listener) => chainsOf(listener).flatMap(({ filters }) => filters))
    .flatMap(({ configType }) => {
      const config = configType.case === 'typedConfig' ? configType.value : undefined;
      const routed = typedConfig(HttpConnectionManagerSchema, config)?.routeSpecifier;
      return routed?.case === 'routeConfig' ? [routed.value] : [];
    });
  for (const table of inline) if (!tables.has(table.name)) tables.set(table.name, table);
  return [...tables.values()].sort((a, b) => compareText(a.name, b.name));
}

const tableRows = (table: RouteConfiguration, shown: Shown): Row[] =>
  table.virtualHosts.flatMap((host) => host.routes.map((route) => rowOf(route, host, table, shown)));

function rowOf(route: Route, host: VirtualHost, table: RouteConfiguration, shown: Shown): Row {
  const facts = new Map(routeFacts(route));
  const take = (label: string): string => {
    const words = facts.get(label) ?? '';
    facts.delete(label);
    return words;
  };
  const retries = take('retries');
  const timeout = take('timeout');
  return {
    resource: table.name,
    cells: [
      hostText(host),
      isComputed(route) ? `${matchWords(route.match).split(' ')[0] ?? ''} host of a service` : matchWords(route.match),
      [computedText(route) ?? take('to'), ...destinations.flatMap(([label, words]) => worded(take(label), words))]
        .filter((words) => words !== '')
        .join('; '),
      timeout,
      retries === usualRetries ? '2' : retries,
      table.name,
      originText(route.metadata, shown) || originText(host.metadata, shown),
      [...facts].flatMap(([label, words]) => (label === 'to' ? [] : [`${label} ${words}`])).join('; '),
      host.name,
      host.domains.join(' '),
    ],
    facts: {
      name: [table.name],
      fqdn: host.domains,
      port: [table.name, ...host.domains, host.name].flatMap((text) => /(?:^|[:._])(\d{1,5})$/.exec(text)?.[1] ?? []),
    },
  };
}

/** What of a route belongs to its destination, and the words before it. */
const destinations: readonly (readonly [label: string, words: string])[] = [
  ['answers', 'answers'],
  ['redirects', 'redirects:'],
  ['fault', 'fault:'],
  ['rewritten to', 'rewritten to'],
  ['mirrored to', 'mirrored to'],
];

const worded = (text: string, words: string): string[] => (text === '' ? [] : [`${words} ${text}`]);

/** One host under its longest name; short names, addresses and forms with ports are not told apart. */
function hostText({ domains }: VirtualHost): string {
  const hosts: string[] = [];
  for (const domain of domains.map((each) => each.replace(/:(?:\d+|\*)$/, '').replace(/\.$/, ''))) {
    if (hosts.includes(domain) || hosts.some((host) => host.startsWith(`${domain}.`))) continue;
    if (hosts.length > 0 && isIpAddress(domain.replaceAll(/[[\]]/g, ''))) continue;
    hosts.push(domain);
  }
  const [first = '', second, ...rest] = hosts;
  if (second === undefined) return first;
  return rest.length === 0 ? `${first}, ${second}` : `${first}, ${second} and ${rest.length} more`;
}

/** On demand a request's host says which cluster it is for. */
const isComputed = ({ match, action }: Route): boolean =>
  action.case === 'route' &&
  action.value.clusterSpecifier.case === 'inlineClusterSpecifierPlugin' &&
  match?.headers.some(({ name }) => name === ':authority') === true;

function computedText(route: Route): string | undefined {
  if (isComputed(route)) return 'that service, on demand';
  const target = route.action.case === 'route' ? route.action.value.clusterSpecifier : undefined;
  return target?.case === 'clusterHeader' && target.value === clusterHeader ? dialledText : undefined;
}

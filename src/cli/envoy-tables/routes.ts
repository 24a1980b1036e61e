// Route tables as rows: what a request must match first, then where it goes.

import type { JsonValue } from '@bufbuild/protobuf';
import { clusterHeader } from '../../compile/demand/dialled.ts';
import { at, list, text } from './json.ts';
import { dialledText } from './listeners.ts';

export const routeHead = ['Match', 'Target', 'Virtual host', 'Domains', 'Route table'] as const;

export function routeRows(table: JsonValue): string[][] {
  return list(table, 'virtualHosts').flatMap((host) =>
    list(host, 'routes').map((route) => [
      computedCluster(route) === undefined ? matchText(at(route, 'match')) : `${pathText(at(route, 'match'))} host of a service`,
      targetText(route),
      text(host, 'name'),
      domainsText(list(host, 'domains').map((domain) => text(domain))),
      text(table, 'name'),
    ]),
  );
}

function domainsText(domains: readonly string[]): string {
  const [first = '', second, ...rest] = domains;
  if (second === undefined) return first;
  return rest.length === 0 ? `${first}, ${second}` : `${first}, ${second} and ${rest.length} more`;
}

/** On demand a request's host says which cluster it is for. */
const computedCluster = (route: JsonValue): JsonValue | undefined =>
  list(route, 'match', 'headers').some((header) => text(header, 'name') === ':authority')
    ? at(route, 'route', 'inlineClusterSpecifierPlugin')
    : undefined;

function pathText(match: JsonValue | undefined): string {
  return (
    [
      ['path', '='],
      ['prefix', ''],
      ['pathSeparatedPrefix', ''],
    ].flatMap(([field = '', sign = '']) => {
      const value = text(match, field);
      return value === '' ? [] : [field === 'path' ? `${sign}${value}` : `${value}*`];
    })[0] ?? (at(match, 'safeRegex') === undefined ? '' : `~${text(match, 'safeRegex', 'regex')}`)
  );
}

function matchText(match: JsonValue | undefined): string {
  const headers = list(match, 'headers').map((header) => `${text(header, 'name')}${valueText(at(header, 'stringMatch'))}`);
  const query = list(match, 'queryParameters').map(
    (parameter) => `?${text(parameter, 'name')}${valueText(at(parameter, 'stringMatch'))}`,
  );
  return [pathText(match), ...headers, ...query].filter((part) => part !== '').join(' ');
}

function valueText(match: JsonValue | undefined): string {
  if (match === undefined) return '';
  const regex = text(match, 'safeRegex', 'regex');
  if (regex !== '') return `~${regex}`;
  const [kind = '', value] = Object.entries(match as object)[0] ?? [];
  return kind === 'exact'
    ? `=${text(value)}`
    : kind === 'prefix'
      ? `=${text(value)}*`
      : kind === 'suffix'
        ? `=*${text(value)}`
        : `=${text(value)}`;
}

function namedByRequest(route: JsonValue, action: JsonValue): string {
  if (computedCluster(route) !== undefined) return 'that service, on demand';
  const header = text(action, 'clusterHeader');
  if (header === clusterHeader) return dialledText;
  return `{${header || text(action, 'clusterSpecifierPlugin') || 'computed'}}`;
}

function targetText(route: JsonValue): string {
  const action = at(route, 'route');
  if (action !== undefined) {
    const weighted = list(action, 'weightedClusters', 'clusters');
    const target =
      weighted.length > 0
        ? weighted.map((cluster) => `${text(cluster, 'name')} (${text(cluster, 'weight')})`).join(', ')
        : text(action, 'cluster') || namedByRequest(route, action);
    const extras = [
      ...(text(action, 'timeout') === '' || text(action, 'timeout') === '0s' ? [] : [`timeout ${text(action, 'timeout')}`]),
      ...list(action, 'requestMirrorPolicies').map((mirror) => `mirror ${text(mirror, 'cluster')}`),
    ];
    return [target, ...extras].join('; ');
  }
  const redirect = at(route, 'redirect');
  if (redirect !== undefined) {
    return `redirect ${text(redirect, 'schemeRedirect')}${text(redirect, 'hostRedirect')}${text(redirect, 'pathRedirect')}`.trim();
  }
  const direct = at(route, 'directResponse');
  return direct === undefined ? '' : `answer ${text(direct, 'status')}`;
}

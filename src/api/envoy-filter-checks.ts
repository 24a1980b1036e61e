// Rules for EnvoyFilters: each patch says where, what and how, and its match is of the thing it patches.

import { error, warning } from './finding.ts';
import type { Check, Finding } from './kind.ts';
import type { Path } from './object.ts';
import type { EnvoyConfigObjectPatch, EnvoyFilter } from './envoy-filter.ts';
import { re2Problem } from './re2.ts';
import { checkReference } from './shared/target.ts';
import { checkSelector, each } from './shared/values.ts';

export const patches: Check<EnvoyFilter> = ({ spec }) => each(spec.configPatches, ['spec', 'configPatches'], checkPatch);

export const attached: Check<EnvoyFilter> = ({ spec }) => {
  const { workloadSelector, targetRefs } = spec;
  const findings = checkSelector(
    workloadSelector?.labels,
    ['spec', 'workloadSelector', 'labels'],
    workloadSelector !== undefined,
  );
  if (workloadSelector !== undefined && (targetRefs ?? []).length > 0) {
    findings.push(error('LAT1028', ['spec'], 'workloadSelector and targetRefs exclude each other', 'keep one of them'));
  }
  return [...findings, ...each(targetRefs, ['spec', 'targetRefs'], checkReference)];
};

/** What a patch of each kind is matched by. */
const matchedBy: Readonly<Record<string, 'listener' | 'routeConfiguration' | 'cluster' | undefined>> = {
  LISTENER: 'listener',
  FILTER_CHAIN: 'listener',
  NETWORK_FILTER: 'listener',
  HTTP_FILTER: 'listener',
  LISTENER_FILTER: 'listener',
  ROUTE_CONFIGURATION: 'routeConfiguration',
  VIRTUAL_HOST: 'routeConfiguration',
  HTTP_ROUTE: 'routeConfiguration',
  CLUSTER: 'cluster',
};

const managers = ['envoy.filters.network.http_connection_manager', 'envoy.http_connection_manager'];

function checkPatch({ applyTo, match, patch }: EnvoyConfigObjectPatch, path: Path): Finding[] {
  const isWaypoint = match?.context === 'WAYPOINT';
  const findings: Finding[] = [];
  if (isWaypoint !== (match?.waypoint !== undefined) && match?.waypoint !== undefined) {
    findings.push(
      error('LAT1610', [...path, 'match', 'waypoint'], 'a waypoint match needs the context WAYPOINT', 'set context to WAYPOINT'),
    );
  }
  if (isWaypoint) return findings;
  if (applyTo === undefined || applyTo === 'INVALID')
    findings.push(error('LAT1611', [...path, 'applyTo'], 'does not say what to patch', 'give applyTo'));
  if (patch === undefined) return [...findings, error('LAT1611', [...path, 'patch'], 'there is no patch', 'give patch')];
  const { operation = 'INVALID', value } = patch;
  if (operation === 'INVALID')
    findings.push(error('LAT1611', [...path, 'patch', 'operation'], 'does not say how to patch', 'give operation'));
  else if (operation !== 'REMOVE' && value === undefined) {
    findings.push(error('LAT1611', [...path, 'patch', 'value'], `${operation} needs a value`, 'give value'));
  }
  return [
    ...findings,
    ...checkMatch(applyTo, match, [...path, 'match']),
    ...checkValue(applyTo, value, [...path, 'patch', 'value']),
    ...checkClass(applyTo, patch, [...path, 'patch', 'filterClass']),
  ];
}

function checkMatch(applyTo: EnvoyConfigObjectPatch['applyTo'], match: EnvoyConfigObjectPatch['match'], path: Path): Finding[] {
  if (match === undefined) return [];
  const findings: Finding[] = [];
  const wanted = matchedBy[applyTo ?? ''];
  for (const object of ['listener', 'routeConfiguration', 'cluster'] as const) {
    if (match[object] === undefined || object === wanted) continue;
    const help = wanted === undefined ? 'remove it' : `match ${wanted}`;
    findings.push(error('LAT1612', [...path, object], `a patch of ${applyTo} is not matched by ${object}`, help));
  }
  const { filterChain, portName } = match.listener ?? {};
  if (portName) {
    const message = 'a listener is not matched by portName: it has no effect, as in Istio';
    findings.push(warning('LAT1613', [...path, 'listener', 'portName'], message, 'match portNumber or name'));
  }
  const filter = filterChain?.filter;
  if (filter !== undefined) {
    const place = [...path, 'listener', 'filterChain', 'filter'];
    if (applyTo === 'LISTENER' || applyTo === 'FILTER_CHAIN') {
      findings.push(warning('LAT1613', place, `a patch of ${applyTo} does not look at filters`, 'remove it'));
    } else if (!filter.name) {
      findings.push(error('LAT1612', place, 'the filter has no name to match', 'give name'));
    }
    if (filter.subFilter !== undefined && (applyTo !== 'HTTP_FILTER' || !managers.includes(filter.name ?? ''))) {
      const message = 'subFilter is for HTTP_FILTER, within the HTTP connection manager';
      findings.push(error('LAT1612', [...place, 'subFilter'], message, `name the filter ${managers[0]}`));
    }
  }
  const version = match.proxy?.proxyVersion;
  const problem = version === undefined ? undefined : re2Problem(version);
  if (problem !== undefined) {
    findings.push(
      error('LAT1024', [...path, 'proxy', 'proxyVersion'], `the regular expression ${problem}`, 'write it as RE2 takes it'),
    );
  }
  return findings;
}

/** Only a filter that is added at no place of its own has one by its class. */
function checkClass(
  applyTo: EnvoyConfigObjectPatch['applyTo'],
  { operation, filterClass = 'UNSPECIFIED' }: NonNullable<EnvoyConfigObjectPatch['patch']>,
  path: Path,
): Finding[] {
  const filters = applyTo === 'HTTP_FILTER' || applyTo === 'NETWORK_FILTER';
  if (filterClass === 'UNSPECIFIED' || (filters && operation === 'ADD')) return [];
  return [warning('LAT1619', path, 'filterClass is for ADD of an HTTP_FILTER or NETWORK_FILTER', 'use ADD, or remove it')];
}

/** A filter is configured by `typed_config`, whose type says which it is. */
function checkValue(
  applyTo: EnvoyConfigObjectPatch['applyTo'],
  value: Readonly<Record<string, unknown>> | undefined,
  path: Path,
): Finding[] {
  if (value === undefined || (applyTo !== 'HTTP_FILTER' && applyTo !== 'NETWORK_FILTER')) return [];
  if ('config' in value && !('typed_config' in value) && !('typedConfig' in value)) {
    return [error('LAT1614', [...path, 'config'], 'Envoy has no untyped filter configuration', 'use typed_config with @type')];
  }
  return [];
}

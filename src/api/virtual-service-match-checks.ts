// Rules for the `match` of a VirtualService's HTTP rules.

import { error, warning } from './finding.ts';
import type { Finding } from './kind.ts';
import { isHeaderName } from './names.ts';
import type { Path } from './object.ts';
import { checkGatewayName, checkLabels, checkStringMatch, each } from './shared/values.ts';
import type { StringMatch } from './shared/string-match.ts';
import type { HTTPMatchRequest, HTTPRoute } from './virtual-service-http.ts';

const claimPrefix = '@request.auth.claims';
/** `@request.auth.claims.group.name` or `@request.auth.claims[group][name]`. */
const claim = /^@request\.auth\.claims(?:(?:\.[^.[\]]+)+|(?:\[[^[\]]+\])+)$/;

/** `onlyGateways`: the VirtualService is for gateways and not for sidecars. */
export function checkMatch(match: HTTPMatchRequest, path: Path, onlyGateways: boolean): Finding[] {
  return [
    ...checkStringMatch(match.uri, [...path, 'uri'], { emptyPrefix: true }),
    ...(['scheme', 'method', 'authority'] as const).flatMap((field) => checkStringMatch(match[field], [...path, field])),
    ...checkHeaders(match.headers, [...path, 'headers'], onlyGateways),
    ...checkHeaders(match.withoutHeaders, [...path, 'withoutHeaders'], onlyGateways),
    ...checkQuery(match.queryParams, [...path, 'queryParams']),
    ...checkLabels(match.sourceLabels, [...path, 'sourceLabels']),
    ...each(match.gateways, [...path, 'gateways'], checkGatewayName),
    ...checkIgnoredCase(match, path),
  ];
}

type Matches = Readonly<Record<string, StringMatch>> | undefined;

function checkHeaders(headers: Matches, path: Path, onlyGateways: boolean): Finding[] {
  return Object.entries(headers ?? {}).flatMap(([name, match]) => {
    const place = [...path, name];
    if (!name.startsWith(claimPrefix)) {
      const valid = isHeaderName(name.startsWith(':') ? name.slice(1) : name);
      if (!valid) return [error('LAT1029', place, `${JSON.stringify(name)} is not a header's name`, 'use letters, digits and -')];
      return checkStringMatch(match, place, { present: true });
    }
    if (!claim.test(name)) return [error('LAT1101', place, `${name} names no claim`, 'write @request.auth.claims.NAME')];
    if (!onlyGateways) {
      const help = 'use it in a VirtualService whose gateways leave out mesh';
      return [error('LAT1101', place, 'claims of a token can only be matched at gateways', help)];
    }
    return checkStringMatch(match, place);
  });
}

function checkQuery(parameters: Matches, path: Path): Finding[] {
  return Object.entries(parameters ?? {}).flatMap(([name, match]) =>
    name === ''
      ? [error('LAT1101', path, 'a query parameter has no name', 'name it')]
      : checkStringMatch(match, [...path, name], { present: true }),
  );
}

function checkIgnoredCase({ ignoreUriCase, uri }: HTTPMatchRequest, path: Path): Finding[] {
  if (ignoreUriCase !== true || uri?.regex === undefined) return [];
  const help = 'begin the expression with (?i)';
  return [warning('LAT1102', [...path, 'ignoreUriCase'], 'has no effect on a regular expression', help)];
}

/** Rules that no request can reach, because an earlier one takes every request or the same ones (Istio's IST0130 and IST0131). */
export function checkReachable(routes: readonly HTTPRoute[], path: Path): Finding[] {
  const findings: Finding[] = [];
  const seen = new Map<string, number>();
  let takesAll = -1;
  for (const [index, { match = [] }] of routes.entries()) {
    const place = [...path, index];
    if (takesAll >= 0) {
      const message = `no request reaches this rule: rule ${takesAll} matches every request`;
      findings.push(warning('IST0130', place, message, 'move the rule without a match to the end'));
      continue;
    }
    const repeats = match.map((one) => seen.get(JSON.stringify(one)));
    if (match.length > 0 && repeats.every((earlier) => earlier !== undefined)) {
      const message = `no request reaches this rule: its matches stand in rule ${repeats[0]} already`;
      findings.push(warning('IST0130', place, message, 'remove the rule, or change what it matches'));
    } else {
      for (const [number, earlier] of repeats.entries()) {
        if (earlier === undefined) continue;
        const message = `rule ${earlier} has this match already, so it has no effect here`;
        findings.push({ ...warning('IST0131', [...place, 'match', number], message, 'remove it'), severity: 'info' });
      }
    }
    for (const one of match) if (!seen.has(JSON.stringify(one))) seen.set(JSON.stringify(one), index);
    if (match.length === 0 || match.some((one) => Object.keys(one).every((field) => field === 'name'))) takesAll = index;
  }
  return findings;
}

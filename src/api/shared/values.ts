// Rules for values that many of Istio's kinds share: hosts, visibility, gateway names, durations, expressions, labels.

import { milliseconds } from '../../lib/duration.ts';
import { error, warning } from '../finding.ts';
import type { Finding } from '../kind.ts';
import { isAddress, isCidr, isDnsLabel, isDnsName, isHostName, isLabelKey, isLabelValue, isWildcardHost } from '../names.ts';
import type { Path } from '../object.ts';
import { re2Problem } from '../re2.ts';
import type { StringMatch } from './string-match.ts';

const quoted = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}…` : text);

/** Runs a rule over a list, with each item's path. */
export function each<Item>(
  items: readonly Item[] | undefined,
  path: Path,
  rule: (item: Item, path: Path, index: number) => readonly Finding[],
): Finding[] {
  return (items ?? []).flatMap((item, index) => rule(item, [...path, index], index));
}

/** Items whose key an earlier item has already. */
export function repeated<Item>(
  items: readonly Item[] | undefined,
  keyOf: (item: Item) => string | number | undefined,
): [number, Item][] {
  const seen = new Set<string | number>();
  return [...(items ?? []).entries()].filter(([, item]) => {
    const key = keyOf(item);
    if (key === undefined) return false;
    if (seen.has(key)) return true;
    seen.add(key);
    return false;
  });
}

/** A host without wildcard: a short name, a whole one, or an address. */
export const checkHost = (host: string, path: Path): Finding[] =>
  isHostName(host) || isAddress(host)
    ? []
    : [error('LAT1020', path, `${quoted(host)} is not a host name`, 'use letters, digits and - between dots, without wildcards')];

/** A host that may be a wildcard. */
export const checkWildcardHost = (host: string, path: Path): Finding[] =>
  isWildcardHost(host) || isAddress(host)
    ? []
    : [
        error(
          'LAT1020',
          path,
          `${quoted(host)} is not a host name`,
          'a wildcard may only stand at the start, as in *.example.com',
        ),
      ];

/** `exportTo`: namespaces, `.` (this one), `*` (all) or `~` (none). */
export function checkExportTo(exportTo: readonly string[] | undefined, path: Path): Finding[] {
  if (exportTo === undefined) return [];
  const findings = each(exportTo, path, (word, place) =>
    word === '*' || word === '.' || word === '~' || isDnsLabel(word)
      ? []
      : [error('LAT1021', place, `${quoted(word)} is neither a namespace nor one of . * ~`, 'name a namespace, or use . or *')],
  );
  for (const [index, word] of repeated(exportTo, (name) => name)) {
    findings.push(error('LAT1021', [...path, index], `${quoted(word)} stands twice`, 'remove one'));
  }
  for (const word of ['*', '~']) {
    if (exportTo.length > 1 && exportTo.includes(word)) {
      findings.push(error('LAT1021', path, `${word} stands beside other namespaces`, `use ${word} alone, or leave it out`));
    }
  }
  return findings;
}

/** A gateway by name: `mesh`, `name` or `namespace/name`. */
export function checkGatewayName(name: string, path: Path): Finding[] {
  const parts = name.split('/');
  const valid =
    parts.length === 1
      ? isDnsName(name)
      : parts.length === 2 && (parts[0] === '.' || isDnsLabel(parts[0] ?? '')) && isDnsName(parts[1] ?? '');
  return valid ? [] : [error('LAT1022', path, `${quoted(name)} is not a gateway's name`, 'write name, namespace/name or mesh')];
}

/** A duration of at least a millisecond, in whole milliseconds. */
export function checkDuration(duration: string | undefined, path: Path): Finding[] {
  if (duration === undefined) return [];
  const length = milliseconds(duration);
  if (length < 1) return [error('LAT1023', path, `${duration} is too short`, 'use 1ms or more')];
  return Number.isInteger(length)
    ? []
    : [error('LAT1023', path, `${duration} is not whole milliseconds`, 'round it to milliseconds')];
}

export function checkRegex(source: string, path: Path): Finding[] {
  const problem = re2Problem(source);
  return problem === undefined ? [] : [error('LAT1024', path, `the regular expression ${problem}`, 'write it as RE2 takes it')];
}

/** Exactly one of exact, prefix and regex; `{}` and Istio's `regex: '*'` too where presence alone can be matched. */
export function checkStringMatch(
  match: StringMatch | undefined,
  path: Path,
  { present = false, emptyPrefix = false } = {},
): Finding[] {
  if (match === undefined) return [];
  const given = Object.keys(match);
  if (given.length > 1)
    return [error('LAT1025', path, `${given.join(' and ')} exclude each other`, 'keep one of exact, prefix and regex')];
  if (given.length === 0 && !present) return [error('LAT1025', path, 'says nothing to match', 'write exact, prefix or regex')];
  if (match.prefix === '' && !emptyPrefix)
    return [error('LAT1025', [...path, 'prefix'], 'the prefix is empty', 'leave the match out to match everything')];
  if (match.regex === '')
    return [error('LAT1025', [...path, 'regex'], 'the regular expression is empty', 'leave the match out to match everything')];
  if (match.regex === undefined || (present && match.regex === '*')) return [];
  return checkRegex(match.regex, [...path, 'regex']);
}

/** An address or CIDR. */
export const checkCidr = (text: string, path: Path): Finding[] =>
  isCidr(text)
    ? []
    : [error('LAT1026', path, `${quoted(text)} is neither an IP address nor a CIDR`, 'write 10.1.2.3 or 10.1.0.0/16')];

/** Labels that a workload must have. */
export function checkLabels(labels: Readonly<Record<string, string>> | undefined, path: Path): Finding[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => {
    const place = [...path, key];
    if (key.includes('*') || value.includes('*'))
      return [error('LAT1027', place, 'labels are compared as they are, without wildcards', 'write the whole label')];
    if (!isLabelKey(key))
      return [error('LAT1027', place, `${quoted(key)} is not a label's key`, 'write name or dns.prefix/name')];
    return isLabelValue(value)
      ? []
      : [error('LAT1027', place, `${quoted(value)} is not a label's value`, 'use at most 63 letters, digits, -, _ and .')];
  });
}

/** A selector that is there and names no label selects everything, which people rarely mean. */
export function checkSelector(labels: Readonly<Record<string, string>> | undefined, path: Path, isGiven: boolean): Finding[] {
  if (isGiven && Object.keys(labels ?? {}).length === 0) {
    return [
      warning('LAT1031', path, 'the selector has no label: it selects every workload', 'name labels, or leave the selector out'),
    ];
  }
  return checkLabels(labels, path);
}

// Rules for load balancing: one algorithm, hash tables that Envoy can build, localities that add up.

import { error, warning } from '../finding.ts';
import type { Finding } from '../kind.ts';
import type { Path } from '../object.ts';
import type {
  ConsistentHashLB,
  LoadBalancerSettings,
  LocalityLoadBalancerSetting,
  ZoneAwareLoadBalancerSetting,
} from './load-balancer.ts';
import { checkDuration, each } from './values.ts';

/** `outliers`: outlier detection is on, which failover between localities needs. */
export function checkLoadBalancer(settings: LoadBalancerSettings | undefined, outliers: boolean, path: Path): Finding[] {
  if (settings === undefined) return [];
  const { simple, consistentHash, localityLbSetting, zoneAwareLbSetting, warmup } = settings;
  const findings: Finding[] = [];
  if (simple !== undefined && consistentHash !== undefined) {
    findings.push(error('LAT1207', path, 'simple and consistentHash exclude each other', 'keep one of them'));
  }
  if (localityLbSetting !== undefined && zoneAwareLbSetting !== undefined) {
    findings.push(error('LAT1208', path, 'localityLbSetting and zoneAwareLbSetting exclude each other', 'keep one of them'));
  }
  if (warmup !== undefined) {
    findings.push(...checkDuration(warmup.duration, [...path, 'warmup', 'duration']));
    if (simple !== undefined && simple !== 'ROUND_ROBIN' && simple !== 'LEAST_REQUEST' && simple !== 'UNSPECIFIED') {
      findings.push(warning('LAT1209', [...path, 'warmup'], `has no effect with ${simple}`, 'use ROUND_ROBIN or LEAST_REQUEST'));
    }
  }
  const failsOver = (localityLbSetting?.failover ?? []).length > 0;
  if (failsOver && !outliers) {
    const message = 'failover never happens without outlierDetection';
    findings.push(warning('LAT1209', [...path, 'localityLbSetting'], message, 'give the traffic policy outlierDetection'));
  }
  return [
    ...findings,
    ...checkHash(consistentHash, [...path, 'consistentHash']),
    ...checkLocality(localityLbSetting, [...path, 'localityLbSetting']),
    ...checkZoneAware(zoneAwareLbSetting, [...path, 'zoneAwareLbSetting']),
  ];
}

const largestTable = 5_000_011;

function checkHash(hash: ConsistentHashLB | undefined, path: Path): Finding[] {
  if (hash === undefined) return [];
  const findings: Finding[] = [];
  const keys = (['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'] as const).filter(
    (field) => hash[field] !== undefined && hash[field] !== '',
  );
  if (keys.length !== 1) {
    const message = keys.length === 0 ? 'does not say what to hash' : `${keys.join(' and ')} exclude each other`;
    findings.push(error('LAT1207', path, message, 'give one of httpHeaderName, httpCookie, useSourceIp, httpQueryParameterName'));
  }
  if (hash.ringHash !== undefined && hash.maglev !== undefined) {
    findings.push(error('LAT1207', path, 'ringHash and maglev exclude each other', 'keep one of them'));
  }
  const size = hash.maglev?.tableSize;
  if (size !== undefined && (size >= largestTable || !isPrime(size))) {
    const place = [...path, 'maglev', 'tableSize'];
    findings.push(error('LAT1207', place, `${size} is not a prime below ${largestTable}`, 'use a prime such as 65537'));
  }
  return findings;
}

function isPrime(value: number): boolean {
  if (value < 2) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return true;
}

function checkLocality(setting: LocalityLoadBalancerSetting | undefined, path: Path): Finding[] {
  if (setting === undefined) return [];
  const { distribute = [], failover = [], failoverPriority = [] } = setting;
  const findings: Finding[] = [];
  if (distribute.length > 0 && (failover.length > 0 || failoverPriority.length > 0)) {
    findings.push(error('LAT1208', path, 'distribute and failover exclude each other', 'keep one of them'));
  }
  if (failover.length > 0 && failoverPriority.length > 0) {
    findings.push(error('LAT1208', path, 'failover and failoverPriority exclude each other', 'keep one of them'));
  }
  const sources = distribute.map(({ from = '' }) => from);
  for (const [index, { from = '', to = {} }] of distribute.entries()) {
    const place = [...path, 'distribute', index];
    const sum = Object.values(to).reduce((total, share) => total + share, 0);
    if (sum !== 100)
      findings.push(error('LAT1208', [...place, 'to'], `the shares sum up to ${sum}, not 100`, 'correct the shares'));
    for (const [localities, at] of [
      [
        [...sources.slice(0, index), from],
        [...place, 'from'],
      ],
      [Object.keys(to), [...place, 'to']],
    ] as const) {
      const last = localities.at(-1) ?? '';
      const overlap = overlapping(localities, at.at(-1) === 'from' ? last : undefined);
      if (overlap !== undefined)
        findings.push(error('LAT1208', at, `${overlap.join(' and ')} overlap`, 'name each locality once'));
    }
  }
  return [...findings, ...checkFailover(failover, [...path, 'failover'])];
}

/** Two localities of which one lies within the other; with `only`, one of the two is that. */
function overlapping(localities: readonly string[], only: string | undefined): [string, string] | undefined {
  for (const [index, a] of localities.entries()) {
    for (const b of localities.slice(index + 1)) {
      if (only !== undefined && b !== only) continue;
      if (within(a, b) || within(b, a)) return [a, b];
    }
  }
  return undefined;
}

function within(outer: string, inner: string): boolean {
  if (outer === inner || outer === '*') return true;
  const prefix = outer.endsWith('/*') ? outer.slice(0, -1) : `${outer}/`;
  return inner.startsWith(prefix);
}

const checkFailover = (failover: readonly { readonly from?: string; readonly to?: string }[], path: Path): Finding[] =>
  each(failover, path, ({ from = '', to = '' }, place) => {
    if (from === '' || to === '') return [error('LAT1208', place, 'needs both from and to', 'name two regions')];
    if (from === to) return [error('LAT1208', place, `${from} cannot fail over to itself`, 'name another region')];
    return [from, to]
      .filter((region) => /[/*]/.test(region))
      .map((region) =>
        error('LAT1208', place, `${JSON.stringify(region)} is not a region`, 'name regions alone, without zone or wildcard'),
      );
  });

function checkZoneAware(setting: ZoneAwareLoadBalancerSetting | undefined, path: Path): Finding[] {
  if (setting === undefined) return [];
  const { failover = [], failoverPriority = [] } = setting;
  const findings = checkFailover(failover, [...path, 'failover']);
  if (failover.length > 0 && failoverPriority.length > 0) {
    findings.push(error('LAT1208', path, 'failover and failoverPriority exclude each other', 'keep one of them'));
  }
  return findings;
}

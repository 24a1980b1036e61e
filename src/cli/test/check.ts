// Whether what became of a request is what a test expects; each difference in one line.

import { milliseconds } from '../../lib/duration.ts';
import { parseOutboundCluster } from '../../compile/names.ts';
import { percentText, listed } from '../../explain/passage.ts';
import { timeText } from '../../explain/milliseconds.ts';
import type { Target } from '../../explain/explanation.ts';
import type { Expectation } from './format.ts';
import { hostOf, subsetOf, type Observed } from './observed.ts';

/** Empty: the test passes. */
export function differences(expected: Expectation, seen: Observed): string[] {
  return checks.flatMap((check) => check(expected, seen) ?? []);
}

type Check = (expected: Expectation, seen: Observed) => string | readonly string[] | undefined;

const near = (a: number, b: number): boolean => Math.abs(a - b) < 0.000_5;
const all = (share: number): boolean => near(share, 1);

const wanted = (what: string, was: string): string => `expected ${what}, ${was}`;

/** How it ended, for whoever expected something else. */
function ended({ answer: { endings, name } }: Observed): string {
  if (endings.length === 0) return name === undefined ? 'nothing happened' : `but ${name.text}`;
  const words = endings.slice(0, 3).map((each) => {
    const part = `${all(each.share) ? 'it' : percentText(each.share)} `;
    const [origin] = each.origins;
    const by =
      origin === undefined
        ? ''
        : ` (${[origin.object, origin.path, origin.place ?? ''].filter((word) => word !== '').join(' ')})`;
    switch (each.kind) {
      case 'arrives':
        return `${part}arrives by ${each.cluster} at ${each.proxy}`;
      case 'answered':
        return `${part}is answered ${each.status} by the proxy of ${each.proxy}: ${each.because}${by}`;
      case 'closed':
        return `${part}is closed by the proxy of ${each.proxy}: ${each.because}${by}`;
      case 'unknown':
        return `${part}is not known: ${each.because}`;
    }
  });
  return `but ${words.join('; ')}`;
}

/** Where the caller's proxy sends it, in words. */
const sentTo = (seen: Observed): string =>
  seen.targets.length === 0
    ? ended(seen)
    : `but it goes to ${listed(seen.targets.map(({ target, share }) => (all(share) ? target.cluster : `${target.cluster} (${percentText(share)})`)))}`;

const checks: readonly Check[] = [
  ({ arrives }, seen) => {
    if (arrives === undefined || (arrives ? all(seen.arrives) : !all(seen.arrives))) return undefined;
    return wanted(arrives ? 'that it arrives' : 'that it does not arrive', ended(seen));
  },
  ({ closed }, seen) => {
    if (closed === undefined || (closed ? all(seen.closed) : seen.closed === 0)) return undefined;
    return wanted(closed ? 'that the connection is closed' : 'that the connection stays', ended(seen));
  },
  ({ status }, seen) => {
    if (status === undefined) return undefined;
    const shares = typeof status === 'number' ? { [status]: 100 } : status;
    const wrong = Object.entries(shares).filter(([code, percent]) => !near(seen.statuses.get(Number(code)) ?? 0, percent / 100));
    return wrong.map(([code, percent]) => wanted(`status ${code}${percent === 100 ? '' : ` for ${percent} %`}`, ended(seen)));
  },
  ({ cluster }, seen) => unlessAll(seen, ({ cluster: name }) => name === cluster, cluster, 'cluster'),
  ({ service }, seen) => unlessAll(seen, (target) => service !== undefined && names(service, hostOf(target)), service, 'service'),
  ({ subset }, seen) => unlessAll(seen, (target) => subsetOf(target) === subset, subset, 'subset'),
  ({ port }, seen) => unlessAll(seen, ({ cluster }) => parseOutboundCluster(cluster)?.port === port, port, 'port'),
  ({ shares = {} }, seen) =>
    Object.entries(shares).flatMap(([name, percent]) => {
      const share = seen.targets.filter(({ target }) => isShareOf(name, target)).reduce((sum, each) => sum + each.share, 0);
      return near(share, percent / 100)
        ? []
        : [wanted(`${percent} % for ${name}`, `it gets ${percentText(share)}: ${sentTo(seen)}`)];
    }),
  ({ workload }, seen) => {
    const found = new Set(seen.targets.flatMap(({ target }) => workloadsOf(target)));
    if (workload === undefined || [...found].some((name) => name === workload || name.startsWith(`${workload}.`)))
      return undefined;
    return wanted(
      `that workload ${workload} serves it`,
      found.size === 0 ? sentTo(seen) : `but ${listed([...found])} ${found.size === 1 ? 'does' : 'do'}`,
    );
  },
  ({ location }, seen) =>
    location === undefined || seen.locations.includes(location)
      ? undefined
      : wanted(`a redirect to ${location}`, seen.locations.length === 0 ? ended(seen) : `it is to ${seen.locations.join(', ')}`),
  ({ timeout }, seen) => {
    if (timeout === undefined) return undefined;
    const times = new Set(seen.forwarded.map(({ limits }) => limits?.timeout ?? 0));
    if (times.size === 1 && times.has(milliseconds(timeout))) return undefined;
    return wanted(
      `a timeout of ${timeout}`,
      limitText(
        [...times].map((time) => (time === 0 ? 'there is none' : `it is ${timeText(time)}`)),
        seen,
      ),
    );
  },
  ({ retries }, seen) => {
    if (retries === undefined) return undefined;
    const counts = new Set(seen.forwarded.map(({ limits }) => limits?.retries?.attempts ?? 0));
    if (counts.size === 1 && counts.has(retries)) return undefined;
    return wanted(
      `${retries} retries`,
      limitText(
        [...counts].map((count) => `there are ${count}`),
        seen,
      ),
    );
  },
  ({ mirrors = [] }, seen) => {
    const copies = seen.forwarded.flatMap((each) => each.mirrors.map(({ cluster }) => cluster));
    const missing = mirrors.filter(
      (name) => !copies.some((cluster) => cluster === name || names(name, parseOutboundCluster(cluster)?.host)),
    );
    return missing.map((name) =>
      wanted(`a copy to ${name}`, copies.length === 0 ? 'there are no copies' : `copies go to ${copies.join(', ')}`),
    );
  },
  ({ tls }, seen) => {
    const modes = new Set(
      seen.targets.flatMap(({ target }) => endpointsOf(target).map((endpoint) => endpoint.tls?.mode ?? 'none')),
    );
    if (tls === undefined || (modes.size === 1 && modes.has(tls))) return undefined;
    return wanted(`TLS: ${tls}`, modes.size === 0 ? sentTo(seen) : `it is ${listed([...modes])}`);
  },
  ({ decidedBy }, seen) => {
    if (decidedBy === undefined) return undefined;
    const texts = [...new Set(seen.decided.map(({ object, path }) => (path === '' ? object : `${object} ${path}`)))];
    if (texts.some((text) => text === decidedBy || (text.startsWith(decidedBy) && /^[ .[]/.test(text.slice(decidedBy.length)))))
      return undefined;
    return wanted(`that ${decidedBy} decides`, `but ${texts.length === 0 ? 'no object does' : `these do: ${texts.join(', ')}`}`);
  },
  ({ sent }, seen) => {
    if (sent === undefined) return undefined;
    if (seen.targets.length === 0) return wanted('that it is sent on', ended(seen));
    return [...new Set(seen.targets.flatMap(({ target }) => sentDifferences(sent, target)))];
  },
];

const limitText = (words: readonly string[], seen: Observed): string => (words.length === 0 ? ended(seen) : listed(words));

function unlessAll(
  seen: Observed,
  holds: (target: Target) => boolean,
  value: string | number | undefined,
  what: string,
): string | undefined {
  if (value === undefined) return undefined;
  const share = seen.targets.filter(({ target }) => holds(target)).reduce((sum, each) => sum + each.share, 0);
  return all(share) ? undefined : wanted(value === '' ? `no ${what}` : `${what} ${value}`, sentTo(seen));
}

/** `reviews`, `reviews.default` and the like mean `reviews.default.svc.cluster.local`. */
const names = (name: string, host: string | undefined): boolean =>
  host !== undefined && (host === name || host.startsWith(`${name}.`));

function isShareOf(name: string, target: Target): boolean {
  const [service = '', subset] = name.split(' ');
  if (subset !== undefined) return names(service, hostOf(target)) && subsetOf(target) === subset;
  return target.cluster === name || subsetOf(target) === name || names(name, hostOf(target));
}

const endpointsOf = ({ destination }: Target) => destination?.groups.flatMap(({ endpoints }) => endpoints) ?? [];
const workloadsOf = (target: Target): string[] =>
  endpointsOf(target).flatMap(({ workload }) => (workload === '' ? [] : [workload]));

function sentDifferences(
  { method, path, authority, headers = {}, without = [] }: NonNullable<Expectation['sent']>,
  { cluster, request }: Target,
): string[] {
  if (request === undefined) return [wanted('that a request is sent on', `but bytes go to ${cluster}`)];
  const given = new Map(request.headers.map(([name, value]) => [name.toLowerCase(), value]));
  const plain = [
    ['method', method, request.method],
    ['path', path, request.path],
    ['authority', authority, request.authority],
  ] as const;
  return [
    ...plain.flatMap(([name, want, is]) =>
      want === undefined || want === is ? [] : [wanted(`${name} ${want} in what is sent`, `it is ${is}`)],
    ),
    ...Object.entries(headers).flatMap(([name, want]) => {
      const is = given.get(name.toLowerCase());
      return is === want
        ? []
        : [wanted(`header ${name}: ${want} in what is sent`, is === undefined ? 'it is not there' : `it is ${is}`)];
    }),
    ...without.flatMap((name) =>
      given.has(name.toLowerCase())
        ? [wanted(`no header ${name} in what is sent`, `it is ${given.get(name.toLowerCase())}`)]
        : [],
    ),
  ];
}

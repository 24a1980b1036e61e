// A tree of matchers followed for a connection or request, as Envoy follows it: listeners choose filter chains by them, virtual hosts
// routes, authorization filters verdicts.

import type { Matcher, Matcher_MatcherTree, Matcher_OnMatch } from '../../../gen/xds/type/matcher/v3/matcher_pb.js';
import { IPMatcherSchema } from '../../../gen/xds/type/matcher/v3/ip_pb.js';
import { ServerNameMatcherSchema } from '../../../gen/xds/type/matcher/v3/domain_pb.js';
import { listed } from '../passage.ts';
import { typedConfig, typeOf } from '../typed-config.ts';
import { addressRangeText, rangeLength } from './addresses.ts';
import type { Decision } from './decision.ts';
import { seen, type Seen, type Sight } from './inputs.ts';
import { predicateHolds, predicateWords } from './predicate.ts';

/** Deeper than any tree is. */
const deepest = 64;

export function decide(matcher: Matcher, sight: Sight, depth = 0): Decision {
  if (depth > deepest) return { kind: 'open', why: 'the tree is too deep' };
  const inner = matched(matcher, sight, depth);
  if (inner.kind !== 'none') return inner;
  const otherwise = follow(matcher.onNoMatch, [], sight, depth);
  return otherwise.kind === 'none' ? inner : otherwise;
}

function matched({ matcherType }: Matcher, sight: Sight, depth: number): Decision {
  switch (matcherType.case) {
    case 'matcherList': {
      const failed: string[] = [];
      for (const { predicate, onMatch } of matcherType.value.matchers) {
        const holds = predicateHolds(predicate, sight);
        if (typeof holds === 'string') return { kind: 'open', why: holds };
        const words = predicateWords(predicate, sight);
        if (!holds) {
          failed.push(`${words.wanted} is asked for, and there is ${words.given}`);
          continue;
        }
        const found = follow(onMatch, [words.wanted], sight, depth);
        if (found.kind !== 'none') return found;
        failed.push(...found.failed);
      }
      return { kind: 'none', failed };
    }
    case 'matcherTree':
      return inTree(matcherType.value, sight, depth);
    case undefined:
      return { kind: 'none', failed: [] };
  }
}

function follow(onMatch: Matcher_OnMatch | undefined, because: readonly string[], sight: Sight, depth: number): Decision {
  switch (onMatch?.onMatch.case) {
    case 'action':
      return { kind: 'action', action: onMatch.onMatch.value, because };
    case 'matcher': {
      const found = decide(onMatch.onMatch.value, sight, depth + 1);
      return found.kind === 'action' ? { ...found, because: [...because, ...found.because] } : found;
    }
    default:
      return { kind: 'none', failed: [] };
  }
}

/** A branch for a value, and what it is for in words. */
interface Branch {
  readonly onMatch: Matcher_OnMatch | undefined;
  readonly words: string;
  /** It counts only where no narrower one is for the value. */
  readonly exclusive?: boolean;
}

function inTree({ input, treeType }: Matcher_MatcherTree, sight: Sight, depth: number): Decision {
  const given = seen(input?.typedConfig, sight);
  if (given === undefined) return { kind: 'open', why: `it looks at ${input?.name ?? 'nothing'}, which is not read here` };
  const { value, what } = given;
  const found = branches(treeType, value);
  if (typeof found === 'string') return { kind: 'open', why: found };
  const failed: string[] = [];
  for (const [index, { onMatch, words, exclusive = false }] of found.taken.entries()) {
    if (exclusive && index > 0) continue;
    const decision = follow(onMatch, [`${what} ${words}`], sight, depth);
    if (decision.kind !== 'none') return decision;
    failed.push(...decision.failed);
  }
  return { kind: 'none', failed: failed.length > 0 ? failed : [lack(given, found.all)] };
}

/** At most this many are named. */
const named = 8;

const lack = ({ what, value }: Seen, all: readonly string[]): string => {
  const known = listed([...all.slice(0, named), ...(all.length > named ? [`${all.length - named} more`] : [])], 'or');
  return `${what} ${known || 'of its own'} is asked for, and there is ${value === undefined ? `no ${what}` : value}`;
};

/** The branches for a value, those that are tried first in front. */
function branches(
  tree: Matcher_MatcherTree['treeType'],
  value: string | undefined,
): { readonly taken: readonly Branch[]; readonly all: readonly string[] } | string {
  switch (tree.case) {
    case 'exactMatchMap': {
      const { map } = tree.value;
      const taken = value !== undefined && Object.hasOwn(map, value) ? [{ onMatch: map[value], words: value }] : [];
      return { taken, all: Object.keys(map) };
    }
    case 'prefixMatchMap': {
      const { map } = tree.value;
      const taken = Object.keys(map)
        .filter((prefix) => value?.startsWith(prefix) === true)
        .toSorted((a, b) => b.length - a.length)
        .map((prefix) => ({ onMatch: map[prefix], words: `that begins with ${prefix}` }));
      return { taken, all: Object.keys(map).map((prefix) => `${prefix}…`) };
    }
    case 'customMatch': {
      const { typedConfig: config, name } = tree.value;
      const addresses = typedConfig(IPMatcherSchema, config);
      if (addresses !== undefined) {
        const ranges = addresses.rangeMatchers.flatMap(({ ranges: each, onMatch, exclusive }) =>
          each.map((range) => ({
            onMatch,
            exclusive,
            words: `in ${addressRangeText(range)}`,
            length: rangeLength(range, value),
          })),
        );
        const taken = ranges.filter(({ length }) => length >= 0).toSorted((a, b) => b.length - a.length);
        return {
          taken,
          all: addresses.rangeMatchers.flatMap(({ ranges: each }) => each.map((range) => `in ${addressRangeText(range)}`)),
        };
      }
      const domains = typedConfig(ServerNameMatcherSchema, config);
      if (domains === undefined) return `${config === undefined ? name : typeOf(config)} is not read here`;
      const forms = domains.domainMatchers.flatMap(({ domains: each, onMatch }) =>
        each.map((domain) => ({ onMatch, words: domain, domain: domain.toLowerCase() })),
      );
      const taken = forms
        .filter(({ domain }) => value !== undefined && isIn(value.toLowerCase(), domain))
        .toSorted(
          (a, b) => Number(a.domain.startsWith('*')) - Number(b.domain.startsWith('*')) || b.domain.length - a.domain.length,
        );
      return { taken, all: forms.map(({ domain }) => domain) };
    }
    case undefined:
      return 'the tree has no branches';
  }
}

const isIn = (host: string, domain: string): boolean =>
  domain === '*' ||
  host === domain ||
  (domain.startsWith('*.') && host.endsWith(domain.slice(1)) && host.length >= domain.length);

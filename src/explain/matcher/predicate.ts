// Conditions in lists of matchers: whether they hold, and what they ask for in words.

import { RuntimeFractionSchema } from '../../../gen/envoy/extensions/matching/input_matchers/runtime_fraction/v3/runtime_fraction_pb.js';
import { IpSchema } from '../../../gen/envoy/extensions/matching/input_matchers/ip/v3/ip_pb.js';
import type {
  Matcher_MatcherList_Predicate as Predicate,
  Matcher_MatcherList_Predicate_SinglePredicate as Single,
} from '../../../gen/xds/type/matcher/v3/matcher_pb.js';
import { fraction, listed, percentText } from '../passage.ts';
import { stringMatches, stringWanted } from '../string-match.ts';
import { typedConfig, typeOf } from '../typed-config.ts';
import { addressRangeText, rangeLength } from './addresses.ts';
import { everyVerdict, notVerdict, someVerdict, type Verdict } from './decision.ts';
import { seen, type Sight } from './inputs.ts';

export function predicateHolds(predicate: Predicate | undefined, sight: Sight): Verdict {
  const type = predicate?.matchType;
  switch (type?.case) {
    case 'singlePredicate':
      return singleHolds(type.value, sight);
    case 'andMatcher':
      return everyVerdict(type.value.predicate.map((each) => predicateHolds(each, sight)));
    case 'orMatcher':
      return someVerdict(type.value.predicate.map((each) => predicateHolds(each, sight)));
    case 'notMatcher':
      return notVerdict(predicateHolds(type.value, sight));
    default:
      return false;
  }
}

function singleHolds({ input, matcher }: Single, sight: Sight): Verdict {
  const given = seen(input?.typedConfig, sight);
  if (given === undefined) return `it looks at ${input?.name ?? 'nothing'}, which is not read here`;
  const { value } = given;
  switch (matcher.case) {
    case 'valueMatch':
      return value !== undefined && stringMatches(matcher.value, value);
    case 'customMatch': {
      const { typedConfig: config, name } = matcher.value;
      const ranges = typedConfig(IpSchema, config)?.cidrRanges;
      if (ranges !== undefined) return ranges.some((range) => rangeLength(range, value) >= 0);
      const share = typedConfig(RuntimeFractionSchema, config)?.runtimeFraction;
      if (share !== undefined) return value !== undefined && sight.passage.chance.happens(fraction(share.defaultValue));
      return `${config === undefined ? name : typeOf(config)} is not read here`;
    }
    case undefined:
      return false;
  }
}

/** What a condition asks for, and what there is in its place. */
export function predicateWords(
  predicate: Predicate | undefined,
  sight: Sight,
): { readonly wanted: string; readonly given: string } {
  const type = predicate?.matchType;
  switch (type?.case) {
    case 'singlePredicate': {
      const given = seen(type.value.input?.typedConfig, sight);
      const what = given?.what ?? type.value.input?.name ?? 'something';
      return {
        wanted: `${what} ${singleWanted(type.value)}`,
        given: given?.value === undefined ? `no ${what}` : `${what} "${given.value}"`,
      };
    }
    case 'andMatcher':
    case 'orMatcher': {
      const all = type.value.predicate.map((each) => predicateWords(each, sight));
      return {
        wanted: listed(
          all.map(({ wanted }) => wanted),
          type.case === 'orMatcher' ? 'or' : 'and',
        ),
        given: listed([...new Set(all.map(({ given }) => given))]),
      };
    }
    case 'notMatcher': {
      const { wanted, given } = predicateWords(type.value, sight);
      return { wanted: `not ${wanted}`, given };
    }
    default:
      return { wanted: 'nothing', given: 'nothing' };
  }
}

function singleWanted({ matcher }: Single): string {
  if (matcher.case === 'valueMatch') return stringWanted(matcher.value);
  const config = matcher.value?.typedConfig;
  const ranges = typedConfig(IpSchema, config)?.cidrRanges;
  if (ranges !== undefined) return `in ${listed(ranges.map(addressRangeText), 'or')}`;
  const share = typedConfig(RuntimeFractionSchema, config)?.runtimeFraction;
  return share === undefined
    ? `that ${matcher.value?.name ?? 'nobody'} takes`
    : `of ${percentText(fraction(share.defaultValue))}`;
}

// Conditions on a request and its answer, as access logs and mappings of answers have them.

import { ComparisonFilter_Op, type AccessLogFilter } from '../../../gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { headerMatches } from '../header-match.ts';
import type { Headers } from '../headers.ts';
import { everyVerdict, someVerdict, type Verdict } from '../matcher/decision.ts';
import { fraction, type Passage } from '../passage.ts';
import { metadataMatches } from '../value-match.ts';

export interface Replying {
  readonly status: number;
  /** `DI,NR`; empty for none. */
  readonly flags: string;
  readonly headers: Headers;
  readonly passage: Passage;
}

/** Whether it holds for an answer of the proxy; a text says why that is not known. */
export function filterHolds({ filterSpecifier: filter }: AccessLogFilter, replying: Replying): Verdict {
  switch (filter.case) {
    case 'statusCodeFilter': {
      const { comparison } = filter.value;
      const wanted = comparison?.value?.defaultValue ?? 0;
      if (comparison?.op === ComparisonFilter_Op.GE) return replying.status >= wanted;
      return comparison?.op === ComparisonFilter_Op.LE ? replying.status <= wanted : replying.status === wanted;
    }
    case 'headerFilter':
      return filter.value.header !== undefined && headerMatches(filter.value.header, replying.headers);
    case 'responseFlagFilter': {
      const flags = replying.flags.split(',').filter((flag) => flag !== '');
      const { flags: wanted } = filter.value;
      return wanted.length === 0 ? flags.length > 0 : wanted.some((flag) => flags.includes(flag));
    }
    case 'andFilter':
      return everyVerdict(filter.value.filters.map((each) => filterHolds(each, replying)));
    case 'orFilter':
      return someVerdict(filter.value.filters.map((each) => filterHolds(each, replying)));
    case 'runtimeFilter':
      return filter.value.percentSampled === undefined
        ? `runtime ${filter.value.runtimeKey} is not known`
        : replying.passage.chance.happens(fraction(filter.value.percentSampled));
    case 'metadataFilter': {
      const { matcher, matchIfKeyNotFound = true } = filter.value;
      if (matcher === undefined || !replying.passage.metadata.has(matcher.filter)) return matchIfKeyNotFound;
      return metadataMatches(matcher, replying.passage.metadata);
    }
    case 'notHealthCheckFilter':
      return true;
    default:
      return `a condition on ${filter.case === 'extensionFilter' ? filter.value.name : (filter.case ?? 'nothing')} is not read here`;
  }
}

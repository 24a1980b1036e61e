// Authorization filters (RBAC, of requests and of connections): which policies were considered, which decided, what would have let
// the caller in.

import { RBAC_Action, type RBAC } from '../../gen/envoy/config/rbac/v3/rbac_pb.js';
import type { Asked } from './asked.ts';
import { policyName, policyOrigin } from './policy-name.ts';
import { authorizeByTree } from './rbac-tree.ts';
import type { Matcher } from '../../gen/xds/type/matcher/v3/matcher_pb.js';
import { listed, note, type Passage } from './passage.ts';
import { policyMatches, type PolicyVerdict } from './rbac-rules.ts';

interface Rules {
  readonly rules?: RBAC | undefined;
  readonly shadowRules?: RBAC | undefined;
  /** A tree of matchers in the place of rules. */
  readonly matcher?: Matcher | undefined;
  readonly shadowMatcher?: Matcher | undefined;
}

interface Considered extends PolicyVerdict {
  readonly key: string;
}

/** Undefined: the request goes on; else how Envoy names the refusal. */
export function authorize(
  passage: Passage,
  name: string,
  { rules, shadowRules, matcher, shadowMatcher }: Rules,
  asked: Asked,
): string | undefined {
  if (shadowRules !== undefined) dryRun(passage, name, shadowRules, asked);
  if (matcher !== undefined || shadowMatcher !== undefined)
    return authorizeByTree(passage, name, { matcher, shadowMatcher }, asked.headers);
  if (rules === undefined) return undefined;
  const considered = consider(rules, asked);
  const matched = considered.find(({ matches }) => matches);
  const undecided = considered.filter(({ undecided: open }) => open).map(({ key }) => policyName(key));
  if (undecided.length > 0) {
    passage.missing.add(`Policy ${listed(undecided)} has conditions in CEL, which are not decided here: they are taken to hold.`);
  }
  const origins = (matched === undefined ? considered : [matched]).flatMap(({ key }) => policyOrigin(key, passage.locate) ?? []);
  switch (rules.action) {
    case RBAC_Action.DENY: {
      if (matched === undefined) {
        const text = `no DENY policy applies (${considered.length} considered)`;
        note(passage, { kind: 'filter', name, text, details: considered.map(lackText), origins: [] });
        return undefined;
      }
      note(passage, { kind: 'filter', name, text: `denied by ${policyName(matched.key)}`, effect: 'ends', origins });
      return `rbac_access_denied_matched_policy[${matched.key}]`;
    }
    case RBAC_Action.ALLOW: {
      if (matched !== undefined) {
        note(passage, { kind: 'filter', name, text: `allowed by ${policyName(matched.key)}`, origins });
        return undefined;
      }
      const text =
        considered.length === 0
          ? 'denied: there is an ALLOW policy, and none of its rules can ever match'
          : `denied: no ALLOW policy lets it in (${considered.length} considered)`;
      note(passage, { kind: 'filter', name, text, details: considered.map(lackText), effect: 'ends', origins, considered: true });
      return 'rbac_access_denied_matched_policy[none]';
    }
    default:
      note(passage, {
        kind: 'filter',
        name,
        text: matched === undefined ? 'nothing is to be logged' : `logged by ${policyName(matched.key)}`,
        origins,
      });
      return undefined;
  }
}

function dryRun(passage: Passage, name: string, rules: RBAC, asked: Asked): void {
  const matched = consider(rules, asked).find(({ matches }) => matches);
  const allowed = (rules.action === RBAC_Action.ALLOW) === (matched !== undefined);
  const by = matched === undefined ? '' : ` by ${policyName(matched.key)}`;
  const origin = matched && policyOrigin(matched.key, passage.locate);
  note(passage, {
    kind: 'filter',
    name,
    text: `a dry run: it would be ${allowed ? 'allowed' : 'denied'}${by}`,
    origins: origin === undefined ? [] : [origin],
  });
}

/** In Envoy's order: by key. */
export const consider = ({ policies }: RBAC, asked: Asked): Considered[] =>
  Object.keys(policies)
    .sort()
    .flatMap((key) => {
      const policy = policies[key];
      return policy === undefined ? [] : [{ key, ...policyMatches(policy, asked) }];
    });

/** What a rule asks for, and the request has in its place. */
export const lackText = ({ key, lack }: Considered): string =>
  `${policyName(key)} ${lack === undefined ? 'applies' : `asks for ${lack.wanted}; the request has ${lack.given}`}`;

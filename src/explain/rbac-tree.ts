// Authorization by a tree of matchers, as filters may have it in the place of rules: what no matcher takes is denied.

import { ActionSchema, RBAC_Action } from '../../gen/envoy/config/rbac/v3/rbac_pb.js';
import type { Matcher } from '../../gen/xds/type/matcher/v3/matcher_pb.js';
import type { Headers } from './headers.ts';
import { decide } from './matcher/tree.ts';
import { policyName, policyOrigin } from './policy-name.ts';
import { note, type Passage } from './passage.ts';
import { typedConfig } from './typed-config.ts';

interface Trees {
  readonly matcher: Matcher | undefined;
  readonly shadowMatcher: Matcher | undefined;
}

/** Undefined: the request goes on; else how Envoy names the refusal. */
export function authorizeByTree(
  passage: Passage,
  name: string,
  { matcher, shadowMatcher }: Trees,
  headers: Headers | undefined,
): string | undefined {
  if (shadowMatcher !== undefined) {
    const { text } = verdictOf(shadowMatcher, passage, headers);
    note(passage, { kind: 'filter', name, text: `a dry run: it would be ${text}`, origins: [] });
  }
  if (matcher === undefined) return undefined;
  const { text, allowed, details, key } = verdictOf(matcher, passage, headers);
  const origin = policyOrigin(key, passage.locate);
  const effect = allowed === undefined ? 'unknown' : allowed ? 'passes' : 'ends';
  note(passage, { kind: 'filter', name, text, details, effect, origins: origin === undefined ? [] : [origin] });
  if (allowed === undefined)
    passage.missing.add(`What filter ${name} decides by its tree of matchers is not known: it is taken to let the request pass.`);
  return allowed === false ? `rbac_access_denied_matched_policy[${key}]` : undefined;
}

interface TreeVerdict {
  readonly text: string;
  /** Undefined: not known here. */
  readonly allowed: boolean | undefined;
  readonly details: readonly string[];
  /** The policy that decided. */
  readonly key: string;
}

function verdictOf(matcher: Matcher, passage: Passage, headers: Headers | undefined): TreeVerdict {
  const decision = decide(matcher, { passage, headers });
  if (decision.kind === 'open')
    return { text: `allowed or denied by a tree of matchers: ${decision.why}`, allowed: undefined, details: [], key: 'none' };
  const action = decision.kind === 'action' ? typedConfig(ActionSchema, decision.action.typedConfig) : undefined;
  if (decision.kind === 'none' || action === undefined) {
    const details = decision.kind === 'none' ? decision.failed : [];
    return { text: 'denied: no matcher takes it', allowed: false, details, key: 'none' };
  }
  const by = `by ${policyName(action.name)}`;
  const because = decision.because.length === 0 ? [] : [`for ${decision.because.join(', ')}`];
  switch (action.action) {
    case RBAC_Action.DENY:
      return { text: `denied ${by}`, allowed: false, details: because, key: action.name };
    case RBAC_Action.LOG:
      return { text: `allowed, and logged ${by}`, allowed: true, details: because, key: action.name };
    default:
      return { text: `allowed ${by}`, allowed: true, details: because, key: action.name };
  }
}

// What Istio's keys of authorization rules mean: the policy and the rule.

import { pathText, refText } from '../api/object.ts';
import type { StepOrigin } from './explanation.ts';
import { stepOrigin, type Locate } from './origins.ts';

const keyForm = /ns\[([^\]]*)\]-policy\[([^\]]*)\]-rule\[(\d+)\]/;

/** `AuthorizationPolicy default/viewer, rule 1`; a key of another form as it is. */
export function policyName(key: string): string {
  const [, namespace, name, rule] = keyForm.exec(key) ?? [];
  if (namespace === undefined) return key;
  return `AuthorizationPolicy ${namespace}/${name}, rule ${Number(rule) + 1}`;
}

/** `ns[default]-policy[viewer]-rule[0]` → `AuthorizationPolicy/default/viewer`, `spec.rules[0]`. */
export function policyRule(key: string): { readonly object: string; readonly path: string } | undefined {
  const [, namespace, name, rule] = keyForm.exec(key) ?? [];
  if (namespace === undefined || name === undefined) return undefined;
  return {
    object: refText({ kind: 'AuthorizationPolicy', namespace, name }),
    path: pathText(['spec', 'rules', Number(rule)]),
  };
}

export function policyOrigin(key: string, locate: Locate): StepOrigin | undefined {
  const rule = policyRule(key);
  return rule && stepOrigin(rule.object, rule.path, locate);
}

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

/** `ns[default]-policy[viewer]-rule[0]` → the rule of the policy. */
export function policyOrigin(key: string, locate: Locate): StepOrigin | undefined {
  const [, namespace, name, rule] = keyForm.exec(key) ?? [];
  if (namespace === undefined || name === undefined) return undefined;
  return stepOrigin(refText({ kind: 'AuthorizationPolicy', namespace, name }), pathText(['spec', 'rules', Number(rule)]), locate);
}

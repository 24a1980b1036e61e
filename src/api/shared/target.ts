// Rules for what a policy is attached to: a selector, or references to other objects, and never both.

import { error } from '../finding.ts';
import type { Finding } from '../kind.ts';
import type { Path } from '../object.ts';
import type { LabelSelector, PolicyTargetReference } from './selector.ts';
import { checkSelector, each } from './values.ts';

/** Kinds that may be referred to, as `group/kind`. */
const targets = new Set([
  '/Service',
  'networking.istio.io/ServiceEntry',
  'gateway.networking.k8s.io/Gateway',
  'gateway.networking.k8s.io/GatewayClass',
]);

interface Targeted {
  readonly selector?: LabelSelector;
  readonly targetRef?: PolicyTargetReference;
  readonly targetRefs?: readonly PolicyTargetReference[];
}

export function checkTarget(spec: Targeted): Finding[] {
  const { selector, targetRef, targetRefs } = spec;
  const given = [selector && 'selector', targetRef && 'targetRef', (targetRefs ?? []).length > 0 && 'targetRefs'].filter(Boolean);
  const findings = checkSelector(selector?.matchLabels, ['spec', 'selector', 'matchLabels'], selector !== undefined);
  if (given.length > 1) {
    findings.push(error('LAT1028', ['spec'], `${given.join(' and ')} exclude each other`, 'keep one of them'));
  }
  if (targetRef !== undefined) findings.push(...checkReference(targetRef, ['spec', 'targetRef']));
  return [...findings, ...each(targetRefs, ['spec', 'targetRefs'], checkReference)];
}

export function checkReference({ group = '', kind, namespace = '' }: PolicyTargetReference, path: Path): Finding[] {
  const findings: Finding[] = [];
  const id = `${group === 'core' ? '' : group}/${kind}`;
  if (!targets.has(id)) {
    const help = 'refer to a Service, a ServiceEntry, or a Gateway or GatewayClass of gateway.networking.k8s.io';
    findings.push(
      error('LAT1028', [...path, 'kind'], `a policy cannot be attached to a ${kind}${group && ` of ${group}`}`, help),
    );
  }
  if (namespace !== '') {
    findings.push(
      error('LAT1028', [...path, 'namespace'], 'a policy can only be attached in its own namespace', 'leave namespace out'),
    );
  }
  return findings;
}

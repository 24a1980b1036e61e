// What a person must hear about a policy that does not do all that it says, each with the field at fault.

import { diagnose, type Diagnostic } from '../../api/diagnostic.ts';
import type { ExtensionProvider } from '../../api/mesh-config.ts';
import type { Attribute } from '../../mesh/authorization-attribute.ts';
import type { Authorization } from '../../mesh/authorization.ts';
import type { Obstacle } from './rule.ts';

const attributeText = (attribute: Attribute): string => {
  switch (attribute.kind) {
    case 'request.headers':
      return `request.headers[${attribute.header}]`;
    case 'request.auth.claims':
      return `request.auth.claims[${attribute.claim.join('][')}]`;
    case 'unknown':
      return attribute.key;
    default:
      return attribute.kind;
  }
};

/** `LAT0601` for what TCP connections do not have, `LAT0602` for values that mean nothing. */
export function obstacleFinding({ object, action }: Authorization, obstacle: Obstacle): Diagnostic {
  const allows = action === 'ALLOW';
  if (obstacle.kind === 'needs HTTP') {
    const effect = allows
      ? 'on TCP ports this rule never matches, and so allows nothing'
      : 'on TCP ports this condition is left out, and the rule denies every connection that the rest of it matches';
    return diagnose(object, obstacle.path, {
      code: 'LAT0601',
      severity: 'warning',
      message: `${attributeText(obstacle.attribute)} is known of HTTP requests only: ${effect}`,
      help: 'limit the rule to HTTP ports with `ports`, or give TCP ports a rule of their own',
    });
  }
  const effect = allows
    ? 'the rule never matches'
    : 'the value is left out, and a condition without any value left no longer limits what the rule denies';
  return diagnose(object, obstacle.path, {
    code: 'LAT0602',
    severity: 'error',
    message: `${JSON.stringify(obstacle.value)} ${obstacle.problem.unusable}: ${effect}`,
    help: obstacle.problem.help,
  });
}

/** `LAT0001`: an AUDIT policy is kept and has no effect on any request, as in Istio; but nothing is written either. */
export const auditFinding = ({ object }: Authorization): Diagnostic =>
  diagnose(object, ['spec', 'action'], {
    code: 'LAT0001',
    severity: 'warning',
    message: 'action AUDIT is accepted, not yet in effect: no request is marked for the audit log',
    help: 'nothing is denied or allowed by it; no change is needed',
  });

/** `LAT0603` for a provider that does not exist, `LAT0001` for one that is not asked yet. Both deny. */
export function customFinding({ object, provider }: Authorization, known: ExtensionProvider | undefined): Diagnostic {
  if (known === undefined) {
    const named = provider === undefined || provider === '' ? 'no provider is named' : `provider ${provider} is not known`;
    return diagnose(object, ['spec', 'provider', 'name'], {
      code: 'LAT0603',
      severity: 'error',
      message: `${named}: every request that matches a rule of this policy is denied`,
      help: 'name one of extensionProviders in MeshConfig that is an envoyExtAuthzHttp or envoyExtAuthzGrpc',
    });
  }
  return diagnose(object, ['spec', 'action'], {
    code: 'LAT0001',
    severity: 'warning',
    message: `action CUSTOM is accepted, not yet in effect: ${provider} is not asked, and every request that matches a rule is denied`,
    help: 'use ALLOW or DENY rules, or remove the policy to let requests through',
  });
}

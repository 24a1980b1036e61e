// What is said of rules of VirtualServices that no request reaches because of how one object hands over to another.

import { diagnose, type Diagnostic } from '../api/diagnostic.ts';
import { pathText, refOf, refText } from '../api/object.ts';
import type { LeftOut } from '../mesh/route.ts';

/** A rule that hands over in vain is told of where it stands; one of a delegate's, there. */
export function leftOutDiagnostic({ reason, handover, rule }: LeftOut): Diagnostic {
  const name = `VirtualService ${handover.to.namespace}/${handover.to.name}`;
  const place = [...handover.path, 'delegate'];
  switch (reason) {
    case 'absent':
      return diagnose(handover.object, place, {
        code: 'IST0101',
        severity: 'error',
        message: `${name} does not exist: the rule is left out`,
        help: 'create it, without hosts, or correct its name (no namespace means the same one)',
      });
    case 'has hosts':
      return diagnose(handover.object, place, {
        code: 'LAT1104',
        severity: 'error',
        message: `${name} has hosts of its own, so it is no delegate: the rule is left out`,
        help: 'remove the hosts and gateways of the delegate',
      });
    case 'not exported':
      return diagnose(handover.object, place, {
        code: 'LAT1104',
        severity: 'error',
        message: `${name} is not exported to namespace ${handover.object.metadata.namespace}: the rule is left out`,
        help: 'name the namespace, or *, in exportTo of the delegate',
      });
    case 'contradicts':
      return diagnose(rule.object, rule.path, {
        code: 'LAT1104',
        severity: 'warning',
        message: `asks for requests that ${refText(refOf(handover.object))} ${pathText(handover.path)} does not hand over: it is left out there`,
        help: 'match the same text, or a longer one behind the prefix of the root, and the same ignoreUriCase; no regex where the root matches',
      });
  }
}

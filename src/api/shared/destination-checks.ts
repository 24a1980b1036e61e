// Rules for destinations and their weights, in HTTP, TLS and TCP routes.

import { error } from '../finding.ts';
import type { Finding } from '../kind.ts';
import { isDnsLabel } from '../names.ts';
import type { Path } from '../object.ts';
import type { Destination } from './destination.ts';
import { checkHost, checkWildcardHost } from './values.ts';

export function checkDestination({ host, subset }: Destination, path: Path): Finding[] {
  // A wildcard is the host of a ServiceEntry; `*` alone is nobody's.
  const findings = (host === '*' ? checkHost : checkWildcardHost)(host, [...path, 'host']);
  if (subset !== undefined && subset !== '' && !isDnsLabel(subset.toLowerCase())) {
    const help = 'use letters, digits and -, 63 at most';
    findings.push(error('LAT1030', [...path, 'subset'], `${JSON.stringify(subset)} is not a subset's name`, help));
  }
  return findings;
}

/** Several destinations need weights, of which one at least is above zero. */
export function checkWeights(destinations: readonly { readonly weight?: number }[], path: Path): Finding[] {
  if (destinations.length < 2 || destinations.some(({ weight = 0 }) => weight > 0)) return [];
  return [error('LAT1108', path, 'the weights of these destinations sum up to 0', 'give each destination a weight')];
}

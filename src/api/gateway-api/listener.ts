// Listeners of Gateways and ListenerSets: port, protocol, host, TLS and which routes may attach.

import type { Static } from 'typebox';
import { error } from '../finding.ts';
import type { Finding } from '../kind.ts';
import type { Path } from '../object.ts';
import { choice, list, map, message, pattern, textOf } from '../schema.ts';
import { SetSelector } from '../shared/set-selector.ts';
import { repeated } from '../shared/values.ts';
import { groupName, hostname, kindName, port, SecretObjectReference, sectionName } from './reference.ts';

const ListenerTLS = message(
  {},
  {
    mode: choice('Terminate', 'Passthrough'),
    certificateRefs: list(SecretObjectReference, { maxItems: 64 }),
    options: map(textOf({ maxLength: 4096 })),
  },
);

export const RouteNamespaces = message({}, { from: choice('All', 'Selector', 'Same', 'None'), selector: SetSelector });

const AllowedRoutes = message(
  {},
  { namespaces: RouteNamespaces, kinds: list(message({ kind: kindName }, { group: groupName }), { maxItems: 8 }) },
);

const protocol = pattern(
  String.raw`^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/[A-Za-z0-9]+$`,
  'a protocol',
  { minLength: 1, maxLength: 255 },
);

export const Listener = message(
  { name: sectionName, port, protocol },
  { hostname, tls: ListenerTLS, allowedRoutes: AllowedRoutes },
);
export type Listener = Static<typeof Listener>;

/** Names are unique, and so is each port with its protocol and host; TLS stands where it can be ended. */
export function checkListeners(listeners: readonly Listener[], path: Path): Finding[] {
  const findings: Finding[] = [];
  for (const [index, { name }] of repeated(listeners, (listener) => listener.name)) {
    findings.push(error('LAT1801', [...path, index, 'name'], `there is a listener ${name} already`, 'give each its own name'));
  }
  const place = ({ port: number, protocol: named, hostname: host = '' }: Listener): string => `${number} ${named} ${host}`;
  for (const [index] of repeated(listeners, place)) {
    const message = 'another listener has the same port, protocol and hostname';
    findings.push(error('LAT1801', [...path, index], message, 'tell them apart by port or hostname'));
  }
  for (const [index, { protocol: named, tls, hostname: host }] of listeners.entries()) {
    const at = [...path, index];
    const encrypted = named === 'HTTPS' || named === 'TLS';
    if (tls !== undefined && !encrypted && ['HTTP', 'TCP', 'UDP'].includes(named)) {
      findings.push(error('LAT1802', [...at, 'tls'], `a listener for ${named} has no TLS`, 'use HTTPS or TLS, or remove tls'));
    }
    if (named === 'HTTPS' && tls?.mode === 'Passthrough') {
      findings.push(error('LAT1802', [...at, 'tls', 'mode'], 'HTTPS ends TLS here', 'use the protocol TLS to pass it through'));
    }
    if (encrypted && tls !== undefined && (tls.mode ?? 'Terminate') === 'Terminate') {
      if ((tls.certificateRefs ?? []).length === 0 && Object.keys(tls.options ?? {}).length === 0) {
        findings.push(error('LAT1802', [...at, 'tls'], 'there is no certificate to end TLS with', 'give certificateRefs'));
      }
    }
    if (host !== undefined && (named === 'TCP' || named === 'UDP')) {
      findings.push(error('LAT1802', [...at, 'hostname'], `${named} knows no host names`, 'remove hostname'));
    }
  }
  return findings;
}

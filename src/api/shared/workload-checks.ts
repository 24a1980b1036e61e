// Rules for a workload's address and ports: in WorkloadEntries, WorkloadGroups and endpoints of ServiceEntries.

import { error } from '../finding.ts';
import type { Finding } from '../kind.ts';
import { isAddress, isDnsLabel, isHostName } from '../names.ts';
import type { Path } from '../object.ts';
import type { WorkloadEntrySpec } from '../workload-entry.ts';
import { checkLabels } from './values.ts';

/** `isTemplate`: a WorkloadGroup's, whose address comes later. */
export function checkWorkload(workload: WorkloadEntrySpec, path: Path, isTemplate = false): Finding[] {
  const { address = '', network = '', ports = {}, labels } = workload;
  const findings = checkLabels(labels, [...path, 'labels']);
  const place = [...path, 'address'];
  if (address === '') {
    if (!isTemplate && network === '')
      findings.push(
        error('LAT1601', place, 'the workload has no address', 'give address, or network if only a gateway reaches it'),
      );
  } else if (address.startsWith('unix:')) {
    findings.push(...checkSocket(address, ports, path));
  } else if (!isAddress(address) && !isHostName(address)) {
    findings.push(
      error(
        'LAT1601',
        place,
        `${JSON.stringify(address)} is neither an address nor a host name`,
        'write an IP address, a host name or unix:///path',
      ),
    );
  }
  for (const name of Object.keys(ports)) {
    if (!isDnsLabel(name.toLowerCase()))
      findings.push(
        error('LAT1602', [...path, 'ports', name], `${JSON.stringify(name)} is not a port's name`, 'use letters, digits and -'),
      );
  }
  if (Object.keys(ports).length > 128)
    findings.push(error('LAT1602', [...path, 'ports'], 'more than 128 ports', 'leave out what is not used'));
  return findings;
}

function checkSocket(address: string, ports: Readonly<Record<string, number>>, path: Path): Finding[] {
  const socket = address.replace(/^unix:(?:\/\/)?/, '');
  const place = [...path, 'address'];
  if (!socket.startsWith('/') && !socket.startsWith('@'))
    return [error('LAT1601', place, 'the path of the Unix socket is not absolute', 'write unix:///path or unix://@name')];
  if (socket.endsWith('/')) return [error('LAT1601', place, 'the Unix socket is a directory', 'name the socket itself')];
  return Object.keys(ports).length === 0
    ? []
    : [error('LAT1602', [...path, 'ports'], 'a Unix socket has no ports', 'remove ports')];
}

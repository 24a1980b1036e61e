// What a workload has called: a table for people, and the Sidecar object that lets it call just that.

import type { ScopeAnswer } from '../control/api/contract.ts';
import { age, tableText } from './table.ts';

export function scopeText({ services }: ScopeAnswer, now: Date): string {
  return tableText(
    ['Host', 'Namespace', 'Ports', 'Subsets', 'Calls', 'Last'],
    services.map(({ host, namespace, ports, subsets, calls, last }) => [
      host,
      namespace,
      ports.join(','),
      subsets.join(','),
      calls === 0 ? '' : String(calls),
      last === undefined ? '' : `${age(last, now)} ago`,
    ]),
  );
}

/** Ready for `lateen apply`. Its own namespace is `.`; a workload that has called nothing may call nothing. */
export function sidecarOf({ workload, namespace, services, selector }: ScopeAnswer): object {
  const hosts = services.map((service) => `${service.namespace === namespace ? '.' : service.namespace}/${service.host}`);
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: workload, namespace },
    spec: { workloadSelector: { labels: selector }, egress: [{ hosts: hosts.length === 0 ? ['~/*'] : hosts }] },
  };
}

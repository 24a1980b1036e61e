// Records of requests among the services of manifests.ts: what `lateen requests -o json` would have of them.

import { recordFields } from '../../src/compile/listener/access-record.ts';
import type { AccessRecord } from '../../src/telemetry/record.ts';
import type { RequestRow } from '../../src/telemetry/request-row.ts';
import { namespaces } from './manifests.ts';

export type RecordedRow = Pick<RequestRow, 'id' | 'kind' | 'time' | 'from' | 'caller'>;

const nothing = Object.fromEntries(recordFields.map(([name]) => [name, '']));

/** Of as many distinct requests as there are indexes; every fourth had the header that leads to the subset. */
export function recordedRow(index: number, services: number): RecordedRow {
  const [from, to] = [index % services, (index * 7 + 7) % services];
  const namespace = `ns-${from % namespaces}`;
  const host = `svc-${to}.ns-${to % namespaces}`;
  const [subset, rule] = index % 4 === 0 ? ['v1', 'spec.http[0].match[0]'] : ['', 'spec.http[1]'];
  const caller = {
    ...nothing,
    writer: { namespace, pod: `svc-${from}-0`, workload: `svc-${from}`, identity: '' },
    side: 'outbound',
    kind: 'request',
    time: index,
    method: 'GET',
    authority: host,
    path: `/items/${index}`,
    protocol: 'HTTP/1.1',
    local: '10.96.0.7:80',
    cluster: `outbound|80|${subset}|${host}.svc.cluster.local`,
    routeOrigin: `VirtualService/ns-${to % namespaces}/svc-${to}#${rule}`,
  } as unknown as AccessRecord;
  const id = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
  return { id, kind: 'request', time: new Date(index).toISOString(), from: `svc-${from}.${namespace}`, caller };
}

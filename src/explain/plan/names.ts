// Names of Envoy's clusters as people say them.

import { parseOutboundCluster } from '../../compile/names.ts';

/** `reviews.default:9080 v1` for `outbound|9080|v1|reviews.default.svc.cluster.local`, `its own port 80` for `inbound|80||`; other names as they are. */
export function clusterWords(name: string): string {
  const parts = parseOutboundCluster(name);
  if (parts === undefined) return name.replace(/^inbound\|(\d+)\|\|$/, 'its own port $1');
  const { host, port, subset } = parts;
  return `${host.replace(/\.svc\.cluster\.local$/, '')}:${port}${subset === '' ? '' : ` ${subset}`}`;
}

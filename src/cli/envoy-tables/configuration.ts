// A proxy's whole configuration as tables: `compile -o table` and `proxy`.

import { X509Certificate } from 'node:crypto';
import type { JsonValue } from '@bufbuild/protobuf';
import { tableText } from '../table.ts';
import type { Part } from '../../control/configuration-parts.ts';
import type { ConfigurationJson } from '../../control/resource-json.ts';
import { clusterHead, clusterRow, endpointHead, endpointRows, secretHead, secretRow } from './clusters.ts';
import { listenerHead, listenerRows } from './listeners.ts';
import { routeHead, routeRows } from './routes.ts';

interface Shape {
  readonly head: readonly string[];
  readonly rows: (resource: JsonValue) => string[][];
}

const shapes: Readonly<Record<Part, Shape>> = {
  listeners: { head: listenerHead, rows: listenerRows },
  routes: { head: routeHead, rows: routeRows },
  clusters: { head: clusterHead, rows: (cluster) => [clusterRow(cluster)] },
  endpoints: { head: endpointHead, rows: endpointRows },
  secrets: { head: secretHead, rows: (secret) => [secretRow(secret, describeCertificate)] },
};

export function partText(part: Part, resources: readonly JsonValue[]): string {
  const { head, rows } = shapes[part];
  return tableText(head, resources.flatMap(rows));
}

/** Every part that has something, one after another. */
export function configurationText(configuration: ConfigurationJson): string {
  const shown = (Object.keys(shapes) as Part[]).filter((part) => configuration[part].length > 0);
  return shown.map((part) => partText(part, configuration[part])).join('\n\n');
}

function describeCertificate(pem: string): { until: string; serial: string } {
  try {
    const certificate = new X509Certificate(pem);
    return { until: certificate.validToDate.toISOString(), serial: certificate.serialNumber };
  } catch {
    return { until: 'not a certificate', serial: '' };
  }
}

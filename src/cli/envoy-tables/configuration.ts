// A proxy's whole configuration as tables: `compile -o table` and `proxy`.

import { X509Certificate } from 'node:crypto';
import type { JsonValue } from '@bufbuild/protobuf';
import { tableText } from '../table.ts';
import type { Part } from '../../control/configuration-parts.ts';
import type { ConfigurationJson } from '../../control/resource-json.ts';
import { clusterHead, clusterRow, endpointHead, endpointRows, secretHead, secretRow } from './clusters.ts';
import { onDemand } from '../../filters/on-demand.ts';
import { at, list, text } from './json.ts';
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

/** Every part that has something, one after another. */
export function configurationText(configuration: ConfigurationJson): string {
  const shown = (Object.keys(shapes) as Part[]).filter((part) => configuration[part].length > 0);
  return shown.map((part) => partText(part, configuration)).join('\n\n');
}

/** One part, and below it what it cannot show. */
export function partText(part: Part, configuration: ConfigurationJson): string {
  const { head, rows } = shapes[part];
  const table = tableText(head, configuration[part].flatMap(rows));
  const partial = (part === 'clusters' || part === 'endpoints') && waitsForCalls(configuration);
  return partial ? `${table}\n\nOn demand: clusters that are not here come when they are called.` : table;
}

/** Whether a proxy asks for clusters as it calls them: its filters say so. */
const waitsForCalls = ({ listeners }: ConfigurationJson): boolean =>
  listeners
    .flatMap((listener) => [...list(listener, 'filterChains'), at(listener, 'defaultFilterChain')])
    .flatMap((chain) => list(chain, 'filters'))
    .map((filter) => at(filter, 'typedConfig'))
    .some(
      (config) =>
        at(config, 'onDemand') !== undefined ||
        list(config, 'httpFilters').some((filter) => text(filter, 'name') === onDemand.name),
    );

function describeCertificate(pem: string): { until: string; serial: string } {
  try {
    const certificate = new X509Certificate(pem);
    return { until: certificate.validToDate.toISOString(), serial: certificate.serialNumber };
  } catch {
    return { until: 'not a certificate', serial: '' };
  }
}

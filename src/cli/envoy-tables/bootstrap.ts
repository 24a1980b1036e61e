// What an Envoy was started with, in a few lines: who it says it is, whom it asks for configuration, what it had from the start.

import type { JsonValue } from '@bufbuild/protobuf';
import { compareText } from '../../lib/order.ts';
import { tableText } from '../table.ts';
import { at, list, text } from './json.ts';

/** Of a bootstrap in protobuf-JSON. */
export function bootstrapText(bootstrap: JsonValue, columns?: number): string {
  const node = at(bootstrap, 'node');
  const admin = at(bootstrap, 'admin', 'address');
  const locality = ['region', 'zone', 'subZone'].map((field) => text(node, 'locality', field)).filter(Boolean);
  const ads = list(bootstrap, 'dynamicResources', 'adsConfig', 'grpcServices');
  const rows: (readonly [string, string])[] = [
    ['node', text(node, 'id')],
    ['cluster', text(node, 'cluster')],
    [
      'version',
      [text(node, 'userAgentName'), versionText(at(node, 'userAgentBuildVersion', 'version'))].filter(Boolean).join(' '),
    ],
    ['locality', locality.join('/')],
    ['configuration from', ads.map(serviceText).join(', ')],
    ['admin', text(admin, 'pipe', 'path') || socketText(admin)],
    ['static listeners', namesOf(bootstrap, 'listeners')],
    ['static clusters', namesOf(bootstrap, 'clusters')],
    ['static secrets', namesOf(bootstrap, 'secrets')],
    [
      'statistics to',
      list(bootstrap, 'statsSinks')
        .map((sink) => text(sink, 'name'))
        .join(', '),
    ],
    ...metadataRows(at(node, 'metadata')),
  ];
  return tableText(
    ['Of', 'Value'],
    rows.filter(([, value]) => value !== ''),
    { columns },
  );
}

const versionText = (version: JsonValue | undefined): string =>
  version === undefined ? '' : ['majorNumber', 'minorNumber', 'patch'].map((field) => text(version, field) || '0').join('.');

const serviceText = (service: JsonValue): string =>
  text(service, 'envoyGrpc', 'clusterName') || text(service, 'googleGrpc', 'targetUri');

const socketText = (address: JsonValue | undefined): string =>
  at(address, 'socketAddress') === undefined
    ? ''
    : `${text(address, 'socketAddress', 'address')}:${text(address, 'socketAddress', 'portValue')}`;

const namesOf = (bootstrap: JsonValue, part: string): string =>
  list(bootstrap, 'staticResources', part)
    .map((resource) => text(resource, 'name'))
    .join(', ');

/** What the control plane compiles for, as the proxy tells it. */
function metadataRows(metadata: JsonValue | undefined): (readonly [string, string])[] {
  return typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)
    ? Object.entries(metadata)
        .sort(([a], [b]) => compareText(a, b))
        .map(([name, value]) => [`metadata ${name}`, value === undefined ? '' : text(value)] as const)
    : [];
}

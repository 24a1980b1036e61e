// Whose dump it is, and what of it is not in force: updates that Envoy refused, and resources that still wait for what they need.

import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { ProxyConfiguration } from './configuration.ts';
import { field, isObject } from './dump-forms.ts';

const text = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');

/** `sidecar~10.0.0.7~reviews-v1-5d.default~default.svc.cluster.local`, which its bootstrap says. */
export function proxyIn(parts: readonly JsonObject[]): Pick<ProxyConfiguration, 'proxy'> {
  for (const part of parts) {
    const bootstrap = field(part, 'bootstrap');
    const node = isObject(bootstrap) ? field(bootstrap, 'node') : undefined;
    if (!isObject(node)) continue;
    const [role = '', address = '', name = ''] = text(field(node, 'id')).split('~');
    const metadata = field(node, 'metadata');
    const version = isObject(metadata) ? text(metadata['ISTIO_VERSION']) : '';
    if (name !== '') return { proxy: { role, address, name, version } };
  }
  return {};
}

/** At most this many are told of. */
const told = 10;

const kinds = [
  ['dynamic_listeners', 'listener'],
  ['dynamic_active_clusters', 'cluster'],
  ['dynamic_warming_clusters', 'cluster'],
  ['dynamic_route_configs', 'route_config'],
] as const;

/** In whole sentences: what Envoy refused and what it still waits for. */
export function notInForce(entries: (section: string) => readonly JsonObject[]): string[] {
  const refused = kinds.flatMap(([section, kind]) =>
    entries(section).flatMap((entry) => {
      const error = field(entry, 'error_state');
      const details = isObject(error) ? text(field(error, 'details')) : '';
      return details === '' ? [] : [`Envoy refused ${kind.replace('_config', ' table')} ${nameIn(entry, kind)}: ${details}`];
    }),
  );
  const warming = [
    ...entries('dynamic_listeners')
      .filter((each) => field(each, 'warming_state') !== undefined)
      .map((each) => `Listener ${nameIn(each, 'listener')}`),
    ...entries('dynamic_warming_clusters').map((each) => `Cluster ${nameIn(each, 'cluster')}`),
  ].map((what) => `${what} waits for what it needs (routes, endpoints or secrets) and is not in effect yet.`);
  return [refused, warming].flatMap((all) => [
    ...all.slice(0, told),
    ...(all.length > told ? [`So it is with ${all.length - told} more.`] : []),
  ]);
}

function nameIn(entry: JsonObject, kind: string): string {
  const resource = field(entry, kind);
  return text(field(entry, 'name')) || (isObject(resource) ? text(field(resource, 'name')) : '');
}

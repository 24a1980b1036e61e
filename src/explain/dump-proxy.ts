// Whose dump it is, and what of it is not in force: updates that Envoy refused, and resources that still wait for what they need.

import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { ProxyConfiguration } from './configuration.ts';
import { field, isObject } from './dump-forms.ts';
import { listed } from './passage.ts';

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

/** At most this many are named. */
const named = 5;

/** In whole sentences. */
export function notInForce(entries: (section: string) => readonly JsonObject[]): string[] {
  const refused = ['dynamic_listeners', 'dynamic_active_clusters', 'dynamic_warming_clusters', 'dynamic_route_configs'].flatMap(
    (section) =>
      entries(section).flatMap((entry) => {
        const error = field(entry, 'error_state');
        if (!isObject(error)) return [];
        return [`Envoy refused an update of ${text(field(entry, 'name')) || 'a resource'}: ${text(field(error, 'details'))}`];
      }),
  );
  const warming = [
    ...entries('dynamic_listeners')
      .filter((each) => field(each, 'active_state') === undefined && field(each, 'warming_state') !== undefined)
      .map((each) => `listener ${text(field(each, 'name'))}`),
    ...entries('dynamic_warming_clusters').map((each) => {
      const cluster = field(each, 'cluster');
      return `cluster ${isObject(cluster) ? text(field(cluster, 'name')) : ''}`;
    }),
  ];
  return [
    ...refused.slice(0, named),
    ...(warming.length === 0
      ? []
      : [
          `Not in use yet, since they wait for what they need: ${listed([...warming.slice(0, named), ...(warming.length > named ? [`${warming.length - named} more`] : [])])}.`,
        ]),
  ];
}

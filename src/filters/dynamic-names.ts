// Looks the request's host up, where a wildcard host is called that nobody lists the names of (resolution DYNAMIC_DNS). It acts only on
// routes to clusters that take what it finds.

import type { Any } from '@bufbuild/protobuf/wkt';
import type { DnsCacheConfigSchema } from '../../gen/envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache_pb.js';
import { FilterConfigSchema } from '../../gen/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.js';
import { ConfigSchema } from '../../gen/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js';
import { FilterConfigSchema as SniFilterConfigSchema } from '../../gen/envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy_pb.js';
import { any, type Init } from './any.ts';
import type { HttpFilter, NamedFilter } from './filter.ts';

export type NameCache = Init<typeof DnsCacheConfigSchema>;

/** Says which name and port are meant: routes configure it. */
export const dynamicTargetFilter = 'lateen.dynamic_target';

/** The host without a port: what follows it in a request must not choose another port than the service's. */
const hostOnly = String.raw`%CEL(re.extract(request.host, '^([^:]+)', '\\1'))%`;

const stated = (key: string, text: string) => ({
  key: { case: 'objectKey' as const, value: key },
  value: {
    case: 'formatString' as const,
    value: {
      format: { case: 'textFormatSource' as const, value: { specifier: { case: 'inlineString' as const, value: text } } },
    },
  },
});

/** For a route: the request's own host, at this port. */
export const dynamicTarget = (port: number): Any =>
  any(ConfigSchema, {
    onRequestHeaders: [stated('envoy.upstream.dynamic_host', hostOnly), stated('envoy.upstream.dynamic_port', String(port))],
  });

export const dynamicNames: HttpFilter = {
  name: 'envoy.filters.http.dynamic_forward_proxy',
  wanted: ({ names }) => names !== undefined,
  chain: ({ names }) =>
    names === undefined
      ? []
      : [
          { name: dynamicTargetFilter, config: any(ConfigSchema, {}) },
          {
            name: 'envoy.filters.http.dynamic_forward_proxy',
            config: any(FilterConfigSchema, {
              implementationSpecifier: { case: 'dnsCacheConfig', value: names },
              allowDynamicHostFromFilterState: true,
            }),
          },
        ],
};

/** The same for TLS that is handed on: its server name is looked up. */
export const dynamicServerName = (names: NameCache, port: number): NamedFilter => ({
  name: 'envoy.filters.network.sni_dynamic_forward_proxy',
  config: any(SniFilterConfigSchema, { dnsCacheConfig: names, portSpecifier: { case: 'portValue', value: port } }),
});

// The protocol that a caller's sidecar announces inside mutual TLS, so that the server's proxy can tell HTTP from TCP without
// looking at the bytes: a filter state that stock Envoy reads when it opens the upstream connection (istio.md §1.1, C4).

import type { Any } from '@bufbuild/protobuf/wkt';
import { FilterConfigSchema } from '../../gen/envoy/config/route/v3/route_components_pb.js';
import { FilterStateValue_SharedWithUpstream } from '../../gen/envoy/extensions/filters/common/set_filter_state/v3/value_pb.js';
import { ConfigSchema } from '../../gen/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js';
import { any } from './any.ts';
import type { HttpFilter } from './filter.ts';

/** The instance's own name: EnvoyFilters and routes address it by this. */
export const alpnFilterName = 'istio.alpn';

/** How the caller's proxy speaks to the server: fixed, whatever the application spoke to it, or as the cluster says that was chosen. */
export type Announcement = 'http1' | 'http2' | 'client' | 'cluster' | 'none';

/** The cluster metadata of the key `lateen` that says what is announced to its servers. */
export const announcedKey = 'alpn';

const http1 = 'istio-http/1.1,istio,http/1.1';
const http2 = 'istio-h2,istio,h2';

/** What a cluster's metadata says under `announcedKey`. */
export const announcedNames = { http1, http2 };

const values: Readonly<Record<Exclude<Announcement, 'none'>, string>> = {
  http1,
  http2,
  client: `%CEL(request.protocol == 'HTTP/2' ? '${http2}' : '${http1}')%`,
  cluster: `%CLUSTER_METADATA(lateen:${announcedKey})%`,
};

/** The filter's configuration for an announcement, for a chain or for one virtual host or route. */
export function announce(announcement: Announcement): Any {
  if (announcement === 'none') return any(FilterConfigSchema, { disabled: true });
  return any(ConfigSchema, {
    onRequestHeaders: [
      {
        key: { case: 'objectKey', value: 'envoy.network.application_protocols' },
        value: {
          case: 'formatString',
          value: {
            format: { case: 'textFormatSource', value: { specifier: { case: 'inlineString', value: values[announcement] } } },
            ...(announcement === 'cluster' && { omitEmptyValues: true }),
          },
        },
        // A cluster that does not say it announces what its own TLS has.
        ...(announcement === 'cluster' && { skipIfEmpty: true }),
        sharedWithUpstream: FilterStateValue_SharedWithUpstream.ONCE,
      },
    ],
  });
}

export const alpn: HttpFilter = {
  name: alpnFilterName,
  wanted: ({ role }) => role !== 'inbound',
  chain: () => [{ name: alpnFilterName, config: announce('http1') }],
};

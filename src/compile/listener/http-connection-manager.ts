// The HTTP connection manager of sidecars and gateways, with Istio's settings (istio.md §3.5).

import {
  HttpConnectionManager_CodecType,
  HttpConnectionManager_PathWithEscapedSlashesAction,
  HttpConnectionManagerSchema,
} from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.js';
import { UuidRequestIdConfigSchema } from '../../../gen/envoy/extensions/request_id/uuid/v3/uuid_pb.js';
import { any, type Init } from '../../filters/any.ts';
import { duration } from '../../filters/duration.ts';
import type { NamedFilter } from '../../filters/filter.ts';
import type { MeshConfig } from '../../api/mesh-config.ts';
import type { Topology } from '../gateway/topology.ts';
import { accessLogs } from './access-log.ts';
import { requestLoggers } from './access-record.ts';
import { adsSource } from '../tls.ts';
import { connectionFields, connectionSettingsOf } from './connection-settings.ts';
import { headerCase, headerFields, proxyHeadersOf } from '../proxy-headers.ts';

type ManagerInit = Init<typeof HttpConnectionManagerSchema>;

export interface HttpManager {
  readonly role: 'outbound' | 'inbound' | 'gateway';
  readonly statPrefix: string;
  /** A table fetched by name, or one that is part of the listener. */
  readonly routes: { readonly table: string } | { readonly inline: Init<typeof RouteConfigurationSchema> };
  readonly filters: readonly NamedFilter[];
  /** The proxy's own settings count in it. */
  readonly config: MeshConfig;
  /** Its agent takes access records. */
  readonly records: boolean;
  /** Serves HTTP/1.0 requests too. */
  readonly http10: boolean;
  /** What stands before a gateway. */
  readonly topology?: Topology;
  /** It is spoken to by QUIC. */
  readonly quic?: boolean;
  /** What happens to a request's headers before its route is chosen. */
  readonly early?: NonNullable<ManagerInit['earlyHeaderMutationExtensions']>;
  /** What Envoy's own answers become. */
  readonly replies?: ManagerInit['localReplyConfig'];
}

/** The network filter for one chain. */
export function httpConnectionManager(manager: HttpManager): NamedFilter {
  const { role, config } = manager;
  const headers = proxyHeadersOf(config);
  const http1 = { ...(manager.http10 && { acceptHttp10: true }), ...headerCase(config) };
  const init: ManagerInit = {
    statPrefix: manager.statPrefix,
    routeSpecifier:
      'table' in manager.routes
        ? { case: 'rds', value: { configSource: adsSource, routeConfigName: manager.routes.table } }
        : { case: 'routeConfig', value: manager.routes.inline },
    httpFilters: manager.filters.map(({ name, config: value }) => ({ name, configType: { case: 'typedConfig', value } })),
    ...(manager.early && { earlyHeaderMutationExtensions: manager.early }),
    ...(manager.replies && { localReplyConfig: manager.replies }),
    upgradeConfigs: [{ upgradeType: 'websocket' }],
    // Long streams are the application's business; requests have their own timeouts.
    streamIdleTimeout: duration(0),
    ...pathNormalization(config),
    ...headerFields(role, headers, manager.topology),
    ...(Object.keys(http1).length > 0 && { httpProtocolOptions: http1 }),
    accessLog: [...accessLogs(config), ...requestLoggers(manager.records ? role : undefined)],
    requestIdExtension: {
      typedConfig: any(UuidRequestIdConfigSchema, { useRequestIdForTraceSampling: true }),
    },
    ...(role === 'gateway' && {
      useRemoteAddress: true,
      xffNumTrustedHops: manager.topology?.numTrustedProxies ?? 0,
    }),
    ...(manager.quic === true && { codecType: HttpConnectionManager_CodecType.HTTP3, http3ProtocolOptions: {} }),
    proxy100Continue: true,
    ...connectionFields(connectionSettingsOf(config, role === 'gateway')),
  };
  return { name: 'envoy.filters.network.http_connection_manager', config: any(HttpConnectionManagerSchema, init) };
}

function pathNormalization(config: MeshConfig): ManagerInit {
  switch (config.pathNormalization?.normalization) {
    case 'NONE':
      return {};
    case 'MERGE_SLASHES':
      return { normalizePath: true, mergeSlashes: true };
    case 'DECODE_AND_MERGE_SLASHES':
      return {
        normalizePath: true,
        mergeSlashes: true,
        pathWithEscapedSlashesAction: HttpConnectionManager_PathWithEscapedSlashesAction.UNESCAPE_AND_FORWARD,
      };
    default:
      return { normalizePath: true };
  }
}

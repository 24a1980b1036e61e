// What settings of connections come to in an HTTP connection manager: limits of time and of HTTP/2, and how strictly paths and
// header names are read (istio.md §1.13).

import {
  HttpProtocolOptions_HeadersWithUnderscoresAction as UnderscoresAction,
  type HttpProtocolOptionsSchema,
} from '../../../gen/envoy/config/core/v3/protocol_pb.js';
import {
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashesAction,
  type HttpConnectionManagerSchema,
} from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { MeshConfig } from '../../api/mesh-config.ts';
import type { ConnectionSettings } from '../../api/shared/proxy-settings.ts';
import type { Init } from '../../filters/any.ts';
import { duration } from '../../filters/duration.ts';
import { milliseconds } from '../../lib/duration.ts';

type ManagerInit = Init<typeof HttpConnectionManagerSchema>;

/** What Envoy recommends to proxies that strangers reach. */
const edge: ConnectionSettings = {
  listenerPerConnectionBufferLimitBytes: 32_768,
  httpIdleTimeout: '1h',
  httpStreamIdleTimeout: '5m',
  httpRequestTimeout: '5m',
  httpRequestHeadersTimeout: '60s',
  httpMaxConcurrentStreams: 100,
  http2InitialStreamWindowSize: 65_536,
  http2InitialConnectionWindowSize: 1_048_576,
  httpHeadersWithUnderscoresAction: 'HEADERS_WITH_UNDERSCORES_REJECT_REQUEST',
  httpMergeSlashes: true,
  httpPathWithEscapedSlashesAction: 'UNESCAPE_AND_REDIRECT',
};

/** The profile EDGE is for gateways; what is given besides counts over it. */
export function connectionSettingsOf({ defaultConfig }: MeshConfig, isGateway: boolean): ConnectionSettings {
  const given = defaultConfig.connectionSettings ?? {};
  return isGateway && given.profile === 'EDGE' ? { ...edge, ...said(given) } : given;
}

/** The words of enums that say nothing leave a profile's in place. */
const said = (given: ConnectionSettings): ConnectionSettings =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => !String(value).endsWith('UNSPECIFIED')));

/** Fields that are not given keep what the manager has. */
export function connectionFields(settings: ConnectionSettings): ManagerInit {
  const common = commonOptions(settings);
  const http2 = {
    ...positive('maxConcurrentStreams', settings.httpMaxConcurrentStreams),
    ...positive('initialStreamWindowSize', settings.http2InitialStreamWindowSize),
    ...positive('initialConnectionWindowSize', settings.http2InitialConnectionWindowSize),
  };
  const slashes = escapedSlashes[settings.httpPathWithEscapedSlashesAction ?? ''];
  return {
    ...(Object.keys(common).length > 0 && { commonHttpProtocolOptions: common }),
    ...(Object.keys(http2).length > 0 && { http2ProtocolOptions: http2 }),
    ...timed('streamIdleTimeout', settings.httpStreamIdleTimeout),
    ...timed('requestTimeout', settings.httpRequestTimeout),
    ...timed('requestHeadersTimeout', settings.httpRequestHeadersTimeout),
    ...timed('drainTimeout', settings.httpDrainTimeout),
    ...(settings.httpMergeSlashes !== undefined && { mergeSlashes: settings.httpMergeSlashes }),
    ...(slashes !== undefined && { pathWithEscapedSlashesAction: slashes }),
  };
}

function commonOptions(settings: ConnectionSettings): Init<typeof HttpProtocolOptionsSchema> {
  const underscoresAction = underscores[settings.httpHeadersWithUnderscoresAction ?? ''];
  return {
    ...timed('idleTimeout', settings.httpIdleTimeout),
    ...timed('maxConnectionDuration', settings.httpMaxConnectionDuration),
    ...timed('maxStreamDuration', settings.httpMaxStreamDuration),
    ...(underscoresAction !== undefined && { headersWithUnderscoresAction: underscoresAction }),
  };
}

const timed = <Name extends string>(name: Name, given: string | undefined) =>
  (given === undefined ? {} : { [name]: duration(milliseconds(given)) }) as Partial<Record<Name, ReturnType<typeof duration>>>;

/** A negative number, which the field's type allows, says nothing. */
const positive = <Name extends string>(name: Name, given: number | undefined) =>
  (given === undefined || given < 0 ? {} : { [name]: given }) as Partial<Record<Name, number>>;

/** How much of a connection a listener holds back at most; undefined: as much as Envoy does. */
export const bufferLimit = (bytes: number | undefined): { perConnectionBufferLimitBytes?: number } =>
  positive('perConnectionBufferLimitBytes', bytes);

const underscores: Readonly<Record<string, UnderscoresAction>> = {
  HEADERS_WITH_UNDERSCORES_ALLOW: UnderscoresAction.ALLOW,
  HEADERS_WITH_UNDERSCORES_REJECT_REQUEST: UnderscoresAction.REJECT_REQUEST,
  HEADERS_WITH_UNDERSCORES_DROP_HEADER: UnderscoresAction.DROP_HEADER,
};

const escapedSlashes: Readonly<Record<string, EscapedSlashesAction>> = {
  KEEP_UNCHANGED: EscapedSlashesAction.KEEP_UNCHANGED,
  REJECT_REQUEST: EscapedSlashesAction.REJECT_REQUEST,
  UNESCAPE_AND_REDIRECT: EscapedSlashesAction.UNESCAPE_AND_REDIRECT,
  UNESCAPE_AND_FORWARD: EscapedSlashesAction.UNESCAPE_AND_FORWARD,
};

// Pieces that every listener is built of: filter chains, listener filters, addresses.

import type { JsonObject } from '@bufbuild/protobuf';
import { SocketAddress_Protocol, type AddressSchema } from '../../../gen/envoy/config/core/v3/address_pb.js';
import type {
  FilterChainMatchSchema,
  FilterChainSchema,
  ListenerFilterSchema,
} from '../../../gen/envoy/config/listener/v3/listener_components_pb.js';
import type { TransportSocketSchema } from '../../../gen/envoy/config/core/v3/base_pb.js';
import { HttpInspectorSchema } from '../../../gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js';
import { OriginalDstSchema } from '../../../gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js';
import { OriginalSrcSchema } from '../../../gen/envoy/extensions/filters/listener/original_src/v3/original_src_pb.js';
import { ProxyProtocolSchema } from '../../../gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js';
import { TlsInspectorSchema } from '../../../gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import type { ApiObject, Path } from '../../api/object.ts';
import { any, type Init } from '../../filters/any.ts';
import { duration } from '../../filters/duration.ts';
import type { NamedFilter } from '../../filters/filter.ts';
import type { AddressFamilies } from '../node.ts';
import { contentPath, originKey, originText } from '../origin.ts';

export type FilterChain = Init<typeof FilterChainSchema>;
export type FilterChainMatch = Init<typeof FilterChainMatchSchema>;
export type ListenerFilter = Init<typeof ListenerFilterSchema>;
type TransportSocket = Init<typeof TransportSocketSchema>;

export interface ChainInput {
  readonly name?: string;
  readonly match?: FilterChainMatch;
  readonly filters: readonly NamedFilter[];
  readonly socket?: TransportSocket;
  /** Milliseconds in which a connection must have done its TLS handshake; undefined: as long as it likes. */
  readonly handshakeTimeout?: number;
  /** The object and field that made the chain. */
  readonly origin?: { readonly object: ApiObject<unknown>; readonly path: Path } | undefined;
}

export function filterChain({ name, match, filters, socket, handshakeTimeout, origin }: ChainInput): FilterChain {
  const metadata: Record<string, JsonObject> =
    origin === undefined ? {} : { [originKey]: { source: originText(origin.object, contentPath(origin.object, origin.path)) } };
  return {
    ...(name !== undefined && { name }),
    ...(match !== undefined && { filterChainMatch: match }),
    filters: filters.map(({ name: filter, config }) => ({
      name: filter,
      configType: { case: 'typedConfig' as const, value: config },
    })),
    ...(socket !== undefined && { transportSocket: socket }),
    ...(handshakeTimeout !== undefined && { transportSocketConnectTimeout: duration(handshakeTimeout) }),
    ...(origin !== undefined && { metadata: { filterMetadata: metadata } }),
  };
}

const listenerFilter = (name: string, value: ReturnType<typeof any>): ListenerFilter => ({
  name,
  configType: { case: 'typedConfig', value },
});

export const originalDestination = listenerFilter('envoy.filters.listener.original_dst', any(OriginalDstSchema, {}));
export const proxyProtocol = listenerFilter('envoy.filters.listener.proxy_protocol', any(ProxyProtocolSchema, {}));
export const tlsInspector = listenerFilter('envoy.filters.listener.tls_inspector', any(TlsInspectorSchema, {}));
export const httpInspector = listenerFilter('envoy.filters.listener.http_inspector', any(HttpInspectorSchema, {}));

/** The caller's address stays on the way to the application; the mark lets redirection tell such packets apart. */
export const originalSource = listenerFilter('envoy.filters.listener.original_src', any(OriginalSrcSchema, { mark: 1337 }));

/** An IP address, or a Unix socket by its path (`unix:///…`). */
export const socketAddress = (address: string, port: number): Init<typeof AddressSchema> => ({
  address: address.startsWith('unix://')
    ? { case: 'pipe', value: { path: address.slice('unix://'.length) } }
    : { case: 'socketAddress', value: { address, portSpecifier: { case: 'portValue', value: port } } },
});

/** A UDP port of an IP address. */
export const udpAddress = (address: string, port: number): Init<typeof AddressSchema> => ({
  address: {
    case: 'socketAddress',
    value: { protocol: SocketAddress_Protocol.UDP, address, portSpecifier: { case: 'portValue', value: port } },
  },
});

/** The addresses that mean every interface of a proxy: the first names its listeners, both are opened. */
export const anyAddresses = ({ v4, v6 }: AddressFamilies): readonly string[] => [
  ...(v4 ? ['0.0.0.0'] : []),
  ...(v6 ? ['::'] : []),
];

/** The loopback addresses of a proxy's IP versions. */
export const loopbackAddresses = ({ v4, v6 }: AddressFamilies): readonly string[] => [
  ...(v4 ? ['127.0.0.1'] : []),
  ...(v6 ? ['::1'] : []),
];

/** `10.1.2.0/24` or a bare address → Envoy's CIDR range; undefined for what is neither. */
export function cidrRange(text: string): { addressPrefix: string; prefixLen: number } | undefined {
  const [address = '', length] = text.split('/');
  const bits = address.includes(':') ? 128 : 32;
  const prefixLen = length === undefined ? bits : Number(length);
  return address !== '' && Number.isInteger(prefixLen) && prefixLen >= 0 && prefixLen <= bits
    ? { addressPrefix: address, prefixLen }
    : undefined;
}

/** What an HTTP inspector finds in plain connections. */
export const plainHttp = { transportProtocol: 'raw_buffer', applicationProtocols: ['http/1.1', 'h2c'] };

/** A proxy that refuses HTTP/1.0 had better pass it on as bytes. */
export const plainHttpWith10 = { ...plainHttp, applicationProtocols: ['http/1.0', ...plainHttp.applicationProtocols] };

// The transport that a cluster uses to an endpoint: plain, or TLS with what is shown and what the server must prove.

import type { JsonObject } from '@bufbuild/protobuf';
import type { Cluster } from '../../gen/envoy/config/cluster/v3/cluster_pb.js';
import type { TransportSocket } from '../../gen/envoy/config/core/v3/base_pb.js';
import { InternalUpstreamTransportSchema } from '../../gen/envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream_pb.js';
import { RawBufferSchema } from '../../gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js';
import { ConfigSchema as TcpStatsSchema } from '../../gen/envoy/extensions/transport_sockets/tcp_stats/v3/tcp_stats_pb.js';
import { ProxyProtocolUpstreamTransportSchema } from '../../gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js';
import { UpstreamTlsContextSchema, type UpstreamTlsContext } from '../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { HttpProtocolOptionsSchema } from '../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { isIpAddress } from '../lib/ip-range.ts';
import { acceptedNames } from './accepted-names.ts';
import type { UpstreamTls } from './explanation.ts';
import { authorityOf, type Headers } from './headers.ts';
import { withoutPort } from './domains.ts';
import type { Passage } from './passage.ts';
import { stringWanted } from './string-match.ts';
import { typedConfig, typeOf } from './typed-config.ts';

/** Undefined: plain. `metadata`: the endpoint's, by which it chooses one of several transports. */
export function upstreamTls(
  cluster: Cluster,
  metadata: Readonly<Record<string, JsonObject>>,
  passage: Passage,
  headers: Headers | undefined,
): UpstreamTls | undefined {
  const wishes = metadata['envoy.transport_socket_match'] ?? {};
  const chosen = cluster.transportSocketMatches.find(({ match = {} }) =>
    Object.entries(match).every(([key, value]) => wishes[key] === value),
  );
  const socket = chosen?.transportSocket ?? cluster.transportSocket;
  const { context, strange } = transportOf(socket);
  if (context === undefined) {
    if (strange !== undefined)
      passage.missing.add(`Cluster ${cluster.name} connects by ${strange}, which is not read here: it is taken for plain text.`);
    return undefined;
  }
  const { commonTlsContext: common, sni } = context;
  const options = typedConfig(
    HttpProtocolOptionsSchema,
    cluster.typedExtensionProtocolOptions['envoy.extensions.upstreams.http.v3.HttpProtocolOptions'],
  );
  const host = headers && withoutPort(authorityOf(headers));
  const auto = options?.upstreamHttpProtocolOptions;
  const own = auto?.autoSni === true && host !== undefined && !isIpAddress(host) ? host : sni;
  const name = passage.state.get('envoy.network.upstream_server_name') ?? own;
  const secret = common?.tlsCertificateSdsSecretConfigs[0]?.name ?? common?.tlsCertificates[0]?.certificateChain?.specifier.value;
  const certificate = typeof secret === 'string' ? secret : '';
  const announced = announcedBy(cluster, passage);
  const expects = [
    ...acceptedNames(common).map(stringWanted),
    ...(auto?.autoSanValidation === true && host !== undefined ? [`"${host}"`] : []),
  ];
  return {
    mode: certificate === '' ? 'simple' : 'mutual',
    sni: name,
    alpn: announced === undefined ? (common?.alpnProtocols ?? []) : announced.split(',').filter((word) => word !== ''),
    expects,
    certificate,
  };
}

/** What a filter says in the place of the cluster's protocols, which may be what the cluster's metadata says. */
const announcedBy = ({ metadata }: Cluster, { state }: Passage): string | undefined =>
  state
    .get('envoy.network.application_protocols')
    ?.replaceAll(/%CLUSTER_METADATA\(([^:)]+):([^)]+)\)%/g, (_, key: string, field: string) => {
      const value = metadata?.filterMetadata[key]?.[field];
      return typeof value === 'string' ? value : '';
    });

export interface Transport {
  /** A PROXY header goes before what the socket inside does. */
  readonly headed: boolean;
  /** Undefined: plain. */
  readonly context: UpstreamTlsContext | undefined;
  /** The type of what is not read here, and is taken for plain. */
  readonly strange?: string;
}

/** What only notes or counts, and hands on to the socket inside. */
const wrappers = [InternalUpstreamTransportSchema, TcpStatsSchema];

export function transportOf(socket: TransportSocket | undefined): Transport {
  const config = socket?.configType.case === 'typedConfig' ? socket.configType.value : undefined;
  const outer = typedConfig(ProxyProtocolUpstreamTransportSchema, config);
  if (outer !== undefined) return { ...transportOf(outer.transportSocket), headed: true };
  for (const schema of wrappers) {
    const wrapped = typedConfig<(typeof wrappers)[number]>(schema, config);
    if (wrapped !== undefined) return transportOf(wrapped.transportSocket);
  }
  const context = typedConfig(UpstreamTlsContextSchema, config);
  const known = config === undefined || context !== undefined || typedConfig(RawBufferSchema, config) !== undefined;
  return { headed: false, context, ...(!known && { strange: typeOf(config) }) };
}

/** Whether a certificate is shown to the server. */
export const isMutual = ({ commonTlsContext: common }: UpstreamTlsContext): boolean =>
  (common?.tlsCertificateSdsSecretConfigs.length ?? 0) + (common?.tlsCertificates.length ?? 0) > 0;

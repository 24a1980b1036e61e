// How a cluster speaks HTTP to its servers: version, limits of connections and streams, names of TLS from the request.

import { HttpProtocolOptionsSchema } from '../../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import type { MeshConfig } from '../../api/mesh-config.ts';
import type { TrafficPolicy } from '../../api/shared/traffic-policy.ts';
import { any } from '../../filters/any.ts';
import { duration } from '../../filters/duration.ts';
import { milliseconds } from '../../lib/duration.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import { isHttpOrAuto } from '../../mesh/protocol.ts';
import { headerCase, keepsCase } from '../proxy-headers.ts';
import { upstreamCodec, type UpstreamCodec } from '../route/upstream-codec.ts';
import type { ClusterInput } from './input.ts';
import { commonHttpOptions, failureMatcher, type ClusterInit, type HttpOptions } from './traffic-policy.ts';
import { autoServerName } from './upstream-tls.ts';

/** `own`: the mesh's configuration as the callers' proxies have it. */
export function protocolFields(input: ClusterInput, settings: TrafficPolicy, mesh: Mesh, own: MeshConfig): ClusterInit {
  const common = commonHttpOptions(settings.connectionPool);
  const server = autoServerName(input, settings, mesh);
  const failures = isHttpOrAuto(input.port.protocol) ? failureMatcher(settings.outlierDetection) : undefined;
  const codec = upstreamCodec(input.port, settings, mesh.config, input.router);
  // HTTP/1.1 with nothing to say of it is what Envoy speaks by itself.
  const plain = common === undefined && server === undefined && failures === undefined && !keepsCase(own);
  if (codec === 'http1' && plain) return {};
  const options: HttpOptions = {
    ...(common && { commonHttpProtocolOptions: common }),
    ...(server && { upstreamHttpProtocolOptions: server }),
    ...(failures && { outlierDetection: failures }),
    upstreamProtocolOptions: codecOptions(codec, headerCase(own), http2Options(settings.connectionPool)),
  };
  return {
    typedExtensionProtocolOptions: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(HttpProtocolOptionsSchema, options),
    },
  };
}

type CodecOptions = NonNullable<HttpOptions['upstreamProtocolOptions']>;

/** How a cluster says which HTTP it speaks, with what belongs to each version. */
export function codecOptions(
  codec: UpstreamCodec,
  http1: ReturnType<typeof headerCase>,
  http2: ReturnType<typeof http2Options>,
): CodecOptions {
  switch (codec) {
    case 'http2':
      return { case: 'explicitHttpConfig', value: { protocolConfig: { case: 'http2ProtocolOptions', value: http2 } } };
    case 'client':
      return { case: 'useDownstreamProtocolConfig', value: { httpProtocolOptions: http1, http2ProtocolOptions: http2 } };
    case 'http1':
      return { case: 'explicitHttpConfig', value: { protocolConfig: { case: 'httpProtocolOptions', value: http1 } } };
  }
}

/** Streams of a connection, and how it is kept alive. */
export function http2Options(pool: TrafficPolicy['connectionPool']) {
  const { maxConcurrentStreams, http2KeepAlive } = pool?.http ?? {};
  return {
    ...(maxConcurrentStreams && { maxConcurrentStreams }),
    ...(http2KeepAlive?.interval !== undefined &&
      http2KeepAlive.timeout !== undefined && {
        connectionKeepalive: {
          interval: duration(milliseconds(http2KeepAlive.interval)),
          timeout: duration(milliseconds(http2KeepAlive.timeout)),
        },
      }),
  };
}

// The network filters of a chain, in order; the last of them ends the connection or sends it on.

import type { Filter } from '../../../gen/envoy/config/listener/v3/listener_components_pb.js';
import {
  type HttpConnectionManager,
  HttpConnectionManager_CodecType,
  HttpConnectionManagerSchema,
} from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { RBACSchema } from '../../../gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import { ConfigSchema } from '../../../gen/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.js';
import { FilterConfigSchema as SniDynamicSchema } from '../../../gen/envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy_pb.js';
import { askedOf } from '../asked.ts';
import type { Outcome } from '../explanation.ts';
import { formatted } from '../format.ts';
import { manageHttp } from '../http/connection-manager.ts';
import { answer } from '../http/exchange.ts';
import { note, type Passage } from '../passage.ts';
import { authorize } from '../rbac.ts';
import { typedConfig, typeOf } from '../typed-config.ts';
import { proxyBytes } from './tcp-proxy.ts';

/** HTTP/1 has words for it. */
function notHttp({ codecType }: HttpConnectionManager, { ended }: Passage): Outcome {
  const http2 =
    codecType === HttpConnectionManager_CodecType.HTTP2 ||
    (codecType === HttpConnectionManager_CodecType.AUTO && ended?.protocol === 'h2');
  return http2
    ? { kind: 'closed', flags: 'DPE', because: 'http2.codec_error' }
    : answer(400, 'DPE', 'http1.codec_error', { body: 'Bad Request' });
}

export function passChain(filters: readonly Filter[], passage: Passage): Outcome {
  for (const { name, configType } of filters) {
    const config = configType.case === 'typedConfig' ? configType.value : undefined;
    switch (config === undefined ? name : typeOf(config)) {
      case 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager': {
        const manager = typedConfig(HttpConnectionManagerSchema, config);
        if (manager === undefined)
          return { kind: 'unknown', because: 'the HTTP connection manager’s configuration cannot be read' };
        const { request } = passage;
        if (request.kind === 'http' && (request.tls === undefined || passage.ended !== undefined))
          return manageHttp(manager, request, passage);
        const what = request.tls !== undefined && passage.ended === undefined ? 'it is TLS' : 'its bytes are not HTTP';
        note(passage, { kind: 'http', name, text: `${what}, and plain HTTP is expected here`, effect: 'ends' });
        return notHttp(manager, passage);
      }
      case 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy':
        return config === undefined
          ? { kind: 'unknown', because: 'the TCP proxy has no configuration' }
          : proxyBytes(config, passage);
      case 'envoy.extensions.filters.network.rbac.v3.RBAC': {
        const rules = typedConfig(RBACSchema, config);
        const denied = rules && authorize(passage, name, rules, askedOf(passage, undefined));
        if (denied !== undefined) return { kind: 'closed', flags: '', because: denied };
        break;
      }
      case 'envoy.extensions.filters.network.set_filter_state.v3.Config':
        for (const { key, value } of typedConfig(ConfigSchema, config)?.onNewConnection ?? []) {
          const source =
            value.case === 'formatString' && value.value.format.case === 'textFormatSource'
              ? value.value.format.value.specifier
              : undefined;
          if (key.case === 'objectKey' && source?.case === 'inlineString')
            passage.state.set(key.value, formatted(source.value, passage, undefined));
        }
        break;
      case 'envoy.extensions.filters.network.sni_cluster.v3.SniCluster':
        if (passage.sni !== '') passage.state.set('envoy.tcp_proxy.cluster', passage.sni);
        break;
      case 'envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig': {
        const port = typedConfig(SniDynamicSchema, config)?.portSpecifier;
        passage.state.set('envoy.upstream.dynamic_port', String(port?.case === 'portValue' ? port.value : 443));
        break;
      }
      // Istio's own, which look on.
      case 'envoy.tcp.metadataexchange.config.MetadataExchange':
      case 'envoy.extensions.filters.network.metadata_exchange.MetadataExchange':
      case 'stats.PluginConfig':
        break;
      default:
        note(passage, {
          kind: 'filter',
          name,
          text: `what ${name} does is not known here`,
          details: config === undefined ? [] : [typeOf(config)],
          effect: 'unknown',
        });
        passage.missing.add(
          `What network filter ${name} does is not known here; the steps after it hold if it lets the connection pass.`,
        );
    }
  }
  return { kind: 'unknown', because: 'the filter chain has no filter that ends it' };
}

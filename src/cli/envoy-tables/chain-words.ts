// What a connection must be for a filter chain to take it, in a few words: its server name, whether it is TLS and whose, its protocol.

import type { FilterChain, FilterChainMatch } from '../../../gen/envoy/config/listener/v3/listener_components_pb.js';
import { FilterChainMatch_ConnectionSourceType } from '../../../gen/envoy/config/listener/v3/listener_components_pb.js';
import type { Listener } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import { DownstreamTlsContextSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { typedConfig } from '../../explain/typed-config.ts';

/** Its address and port are told elsewhere. */
export function chainWords(chain: FilterChain, { filterChains, defaultFilterChain }: Listener): string {
  const match = chain.filterChainMatch;
  const words = [
    ...(match === undefined || match.serverNames.length === 0 ? [] : [`SNI ${match.serverNames.join(', ')}`]),
    ...transportWords(chain),
    ...(match === undefined ? [] : sourceWords(match)),
  ];
  if (words.length > 0) return words.join(', ');
  const only = filterChains.length + (defaultFilterChain === undefined ? 0 : 1) === 1;
  return only || (match?.destinationPort ?? 0) > 0 || (match?.prefixRanges.length ?? 0) > 0 ? 'anything' : 'anything else';
}

/** `mTLS HTTP`, `plaintext`, `TLS passed on`; nothing where any transport and protocol will do. */
function transportWords(chain: FilterChain): string[] {
  const { transportProtocol = '', applicationProtocols = [] } = chain.filterChainMatch ?? {};
  const ends = endsTls(chain);
  const transport =
    ends ?? (transportProtocol === 'tls' ? 'TLS' : transportProtocol === 'raw_buffer' ? 'plaintext' : transportProtocol);
  const protocol = protocolWords(applicationProtocols);
  const onward = transportProtocol === 'tls' && ends === undefined ? 'passed on' : '';
  const words = [transport, protocol, onward].filter((word) => word !== '').join(' ');
  return words === '' ? [] : [words];
}

/** A chain with a certificate of its own ends TLS. */
function endsTls({ transportSocket }: FilterChain): 'mTLS' | 'TLS' | undefined {
  const config = transportSocket?.configType.case === 'typedConfig' ? transportSocket.configType.value : undefined;
  const context = typedConfig(DownstreamTlsContextSchema, config);
  return context && (context.requireClientCertificate === true ? 'mTLS' : 'TLS');
}

/** What Istio's sidecars offer: for HTTP, for other bytes, for either. */
function protocolWords(alpn: readonly string[]): string {
  const http = alpn.filter((name) => /^(?:istio-)?(?:http\/1\.[01]|h2c?)$|^istio-h2$/.test(name));
  const bytes = alpn.filter((name) => /^istio(?:-peer-exchange)?$/.test(name));
  const others = alpn.filter((name) => !http.includes(name) && !bytes.includes(name));
  if (others.length > 0) return `ALPN ${alpn.join(', ')}`;
  return http.length > 0 ? (bytes.length > 0 ? '' : 'HTTP') : bytes.length > 0 ? 'TCP' : '';
}

function sourceWords({ sourcePrefixRanges, directSourcePrefixRanges, sourcePorts, sourceType }: FilterChainMatch): string[] {
  const from = [...sourcePrefixRanges, ...directSourcePrefixRanges].map(
    ({ addressPrefix, prefixLen }) => `${addressPrefix}/${prefixLen ?? 0}`,
  );
  return [
    ...(from.length === 0 ? [] : [`from ${from.join(', ')}`]),
    ...(sourcePorts.length === 0 ? [] : [`from port ${sourcePorts.join(', ')}`]),
    ...(sourceType === FilterChainMatch_ConnectionSourceType.ANY
      ? []
      : [sourceType === FilterChainMatch_ConnectionSourceType.EXTERNAL ? 'from elsewhere' : 'from this host']),
  ];
}

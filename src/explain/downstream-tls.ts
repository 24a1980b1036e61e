// The transport of a filter chain: plain, or TLS that ends here if the caller can show what it asks for.

import { acceptedNames } from './accepted-names.ts';
import type { FilterChain } from '../../gen/envoy/config/listener/v3/listener_components_pb.js';
import {
  DownstreamTlsContextSchema,
  type DownstreamTlsContext,
} from '../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { Closed } from './explanation.ts';
import { listed, note, type Passage } from './passage.ts';
import { stringMatches, stringWanted } from './string-match.ts';
import { typedConfig } from './typed-config.ts';

/** Ends TLS where the chain does; what stands against it closes the connection. */
export function endTls({ transportSocket }: FilterChain, passage: Passage): Closed | undefined {
  const config = transportSocket?.configType.case === 'typedConfig' ? transportSocket.configType.value : undefined;
  const context = typedConfig(DownstreamTlsContextSchema, config);
  if (context === undefined) return undefined;
  const refused = (text: string, because: string): Closed => {
    note(passage, { kind: 'tls', name: 'TLS', text, effect: 'ends' });
    return { kind: 'closed', flags: '', because };
  };
  const { tls, source } = passage.request;
  if (tls === undefined) return refused('TLS is expected here, and the caller speaks none', 'TLS_error:WRONG_VERSION_NUMBER');
  const required = context.requireClientCertificate === true;
  const asks = required || hasValidation(context);
  if (required && source.identity === undefined) {
    return refused('a client certificate is required, and the caller shows none', 'TLS_error:PEER_DID_NOT_RETURN_A_CERTIFICATE');
  }
  const names = acceptedNames(context.commonTlsContext);
  const { identity } = source;
  if (asks && identity !== undefined && names.length > 0 && !names.some((each) => stringMatches(each, identity))) {
    return refused(
      `the caller’s certificate says ${identity}, and ${listed(names.map(stringWanted), 'or')} is accepted`,
      'TLS_error:CERTIFICATE_VERIFY_FAILED',
    );
  }
  const offered = tls.alpn ?? [];
  const protocol = context.commonTlsContext?.alpnProtocols.find((each) => offered.includes(each)) ?? '';
  passage.ended = { identity: asks ? identity : undefined, protocol };
  if (passage.sni === '') passage.sni = (tls.sni ?? '').toLowerCase();
  const secret = context.commonTlsContext?.tlsCertificateSdsSecretConfigs[0]?.name;
  note(passage, {
    kind: 'tls',
    name: 'TLS',
    text: asks && identity !== undefined ? `mutual TLS ends here; the caller is ${identity}` : 'TLS ends here',
    details: secret === undefined ? [] : [`with certificate ${secret}`],
  });
  return undefined;
}

const hasValidation = ({ commonTlsContext: common }: DownstreamTlsContext): boolean =>
  common?.validationContextType.case !== undefined;

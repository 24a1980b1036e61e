// Why a connection did not come about, in Envoy's words (`%UPSTREAM_TRANSPORT_FAILURE_REASON%`, `%DOWNSTREAM_…%`) → what that means.

import type { Meaning } from './meaning.ts';

type Reading = readonly [pattern: RegExp, says: string, fix: string];

const certificates = 'see lateen status for the identities and certificates of both workloads';

/** As the side reads it that called. `$1` stands for what the pattern caught. */
const calling: readonly Reading[] = [
  [
    /SAN_matcher.*?certificate_SANs_are_\[([^\]]*)\]|SAN matcher.*?\[([^\]]*)\]/i,
    'the destination showed a certificate of another identity than the mesh knows it by: $1',
    'see which workload has that address now; where subjectAltNames of a DestinationRule name identities, correct them',
  ],
  [
    /certificate_(?:has_)?expired|CERTIFICATE_HAS_EXPIRED|certificate has expired/i,
    'the destination’s certificate has expired',
    certificates,
  ],
  [
    /CERTIFICATE_VERIFY_FAILED/,
    'the destination’s certificate was not signed by an authority that the caller trusts',
    'give the DestinationRule’s tls the right caCertificates or credentialName; inside the mesh, see that both have one trust domain',
  ],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|BAD_PACKET_LENGTH/,
    'the caller spoke TLS, and the destination answered in plaintext',
    'set the tls mode of the DestinationRule to DISABLE, or correct its port: nothing there speaks TLS',
  ],
  [
    /ALERT_CERTIFICATE_REQUIRED|ALERT_HANDSHAKE_FAILURE/,
    'the destination asked for a certificate, or for other parameters of TLS, that the caller has not',
    'give the DestinationRule’s tls mode ISTIO_MUTUAL (or MUTUAL with the certificate that the server asks for)',
  ],
  [
    /ALERT_UNKNOWN_CA|ALERT_CERTIFICATE_UNKNOWN|ALERT_BAD_CERTIFICATE|ALERT_CERTIFICATE_EXPIRED/,
    'the destination did not accept the caller’s certificate',
    certificates,
  ],
  [
    /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/,
    'caller and destination have no version of TLS in common',
    'see minProtocolVersion of the server, and the versions that it supports',
  ],
  [
    /UNRECOGNIZED_NAME/,
    'the destination knows no server of the name that was asked for',
    'correct the sni of the DestinationRule’s tls, or the hosts of the server',
  ],
  [
    /Connection_refused|Connection refused/i,
    'nothing listens at that address',
    'start what should listen there, or correct the targetPort of the Service',
  ],
  [
    /No_route_to_host|Network_is_unreachable|Host_is_unreachable|No route to host/i,
    'that address cannot be reached from here',
    'see that the endpoint is still there, and the network between',
  ],
  [
    /timeout|timed_out|timed out/i,
    'no connection came about in time',
    'see that the endpoint is still there and the network between lets connections through; connectTimeout is of the DestinationRule’s connectionPool',
  ],
  [
    /Connection_reset|Connection reset|TLS_error_end$|SYSCALL/i,
    'the destination ended the connection during the handshake',
    'see that both ends agree on TLS: a server in plaintext, or a policy of mode STRICT at one that has no proxy',
  ],
];

/** As the side reads it that was called. */
const called: readonly Reading[] = [
  [
    /HTTP_REQUEST|HTTPS_PROXY_REQUEST|WRONG_VERSION_NUMBER/,
    'the caller spoke plaintext where only TLS is taken',
    'put the caller into the mesh, or let the PeerAuthentication of the destination be PERMISSIVE; at a gateway, call by https',
  ],
  [
    /PEER_DID_NOT_RETURN_A_CERTIFICATE/,
    'the caller showed no certificate where one is asked for',
    'put the caller into the mesh; at a gateway with tls mode MUTUAL, let the client show its certificate',
  ],
  [
    /SAN_matcher|SAN matcher/i,
    'the caller’s certificate is of none of the identities that are allowed',
    'see subjectAltNames of the server, and the trust domains of the mesh',
  ],
  [
    /CERTIFICATE_VERIFY_FAILED/,
    'the caller’s certificate was not signed by an authority that is trusted here',
    'give the client a certificate of the right authority; inside the mesh, see that both have one trust domain',
  ],
  [
    /ALERT_CERTIFICATE_UNKNOWN|ALERT_UNKNOWN_CA|ALERT_BAD_CERTIFICATE|ALERT_CERTIFICATE_EXPIRED/,
    'the caller did not accept the certificate that it was shown',
    'see which authority and which identity the caller expects: its caCertificates and subjectAltNames',
  ],
  [
    /NO_SHARED_CIPHER|UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|NO_SUPPORTED_VERSIONS/,
    'caller and server have no version or cipher of TLS in common',
    'see minProtocolVersion and cipherSuites of the server',
  ],
  [/timeout/i, 'the caller did not finish the handshake in time', 'see what the caller does after it has connected'],
];

const read = (readings: readonly Reading[], reason: string): Meaning | undefined => {
  for (const [pattern, says, fix] of readings) {
    const found = pattern.exec(reason);
    if (found === null) continue;
    const caught = found.slice(1).find((part) => part !== undefined) ?? '';
    return { says: says.replace('$1', caught === '' ? 'it says none' : caught), fix };
  }
  return undefined;
};

/** Why the caller’s proxy could not connect; undefined for words that are not known. */
export const upstreamFailure = (reason: string): Meaning | undefined => read(calling, reason);

/** Why a proxy did not take a connection. */
export const downstreamFailure = (reason: string): Meaning | undefined => read(called, reason);

// TLS as Istio's objects set it: of a client towards an upstream, and of a server's port.

import type { Static } from 'typebox';
import { bool, choice, list, message, text } from '../schema.ts';

export const ClientTLSSettings = message(
  {},
  {
    mode: choice('DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'),
    clientCertificate: text,
    privateKey: text,
    caCertificates: text,
    credentialName: text,
    subjectAltNames: list(text),
    sni: text,
    insecureSkipVerify: bool,
    caCrl: text,
  },
);
export type ClientTLSSettings = Static<typeof ClientTLSSettings>;

const tlsVersion = choice('TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3');

const TLSCertificate = message({}, { serverCertificate: text, privateKey: text, caCertificates: text });

export const ServerTLSSettings = message(
  {},
  {
    httpsRedirect: bool,
    mode: choice('PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL'),
    serverCertificate: text,
    privateKey: text,
    caCertificates: text,
    caCrl: text,
    credentialName: text,
    credentialNames: list(text, { minItems: 1, maxItems: 2 }),
    caCertCredentialName: text,
    tlsCertificates: list(TLSCertificate, { minItems: 1, maxItems: 2 }),
    subjectAltNames: list(text),
    verifyCertificateSpki: list(text),
    verifyCertificateHash: list(text),
    minProtocolVersion: tlsVersion,
    maxProtocolVersion: tlsVersion,
    cipherSuites: list(text),
    ecdhCurves: list(text),
    insecureSkipVerify: bool,
  },
);
export type ServerTLSSettings = Static<typeof ServerTLSSettings>;

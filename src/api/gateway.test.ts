// What Istio's Gateways may say and may not.

import { kindTable } from './testing/kind-table.ts';

const server = (text: string): string => `{selector: {istio: ingressgateway}, servers: [{${text}}]}`;
const https = (tls: string): string => server(`port: {number: 443, name: https, protocol: HTTPS}, hosts: [a.com], tls: {${tls}}`);

kindTable('networking.istio.io/v1', 'Gateway', {
  accepted: [
    server("port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']"),
    server('port: {number: 80, name: http, protocol: HTTP}, hosts: [a.com], tls: {httpsRedirect: true}'),
    server("port: {number: 31400, name: tcp, protocol: TCP}, hosts: ['ns/*.example.com', './b.com', '*/c.com']"),
    https('mode: SIMPLE, credentialName: cert'),
    https('mode: MUTUAL, credentialName: cert, minProtocolVersion: TLSV1_2'),
    https('mode: MUTUAL, serverCertificate: /a, privateKey: /b, caCertificates: /c'),
    https('mode: PASSTHROUGH'),
    https('mode: ISTIO_MUTUAL'),
    https('mode: ISTIO_MUTUAL, subjectAltNames: [spiffe://a/ns/b/sa/c], insecureSkipVerify: false'),
    https('mode: MUTUAL, serverCertificate: /a, privateKey: /b, caCertificates: /c, caCrl: /d'),
    https('mode: SIMPLE, credentialName: cert, ecdhCurves: [X25519MLKEM768, P-256]'),
    https('mode: SIMPLE, tlsCertificates: [{serverCertificate: /a, privateKey: /b}]'),
  ],
  warned: [
    ['LAT1312 spec.servers.0.tls.cipherSuites.0', https('mode: SIMPLE, credentialName: c, cipherSuites: [RC4-SHA]')],
    ['LAT1312 spec.servers.0.tls.ecdhCurves.1', https('mode: SIMPLE, credentialName: c, ecdhCurves: [P-256, P-512]')],
    ['LAT1312 spec.servers.0.tls.ecdhCurves.1', https('mode: SIMPLE, credentialName: c, ecdhCurves: [P-256, P-256]')],
    ['LAT1314 spec.servers.0.tls', https('mode: SIMPLE, credentialName: c, subjectAltNames: [a]')],
    ['LAT1314 spec.servers.0.tls', https('mode: ISTIO_MUTUAL, insecureSkipVerify: true')],
  ],
  refused: [
    ['LAT1004 spec.servers', '{selector: {a: b}}'],
    ['LAT1003 spec.servers', '{servers: []}'],
    ['LAT1003 spec.servers.0.hosts', server('port: {number: 80, name: http, protocol: HTTP}, hosts: []')],
    ['LAT1004 spec.servers.0.port', server('hosts: [a]')],
    ['LAT1020 spec.servers.0.hosts.0', server("port: {number: 80, name: http, protocol: HTTP}, hosts: ['a.*.com']")],
    ['LAT1302 spec.servers.0.port.protocol', server('port: {number: 80, name: http, protocol: HTP}, hosts: [a]')],
    ['LAT1303 spec.servers.0.port.number', server('port: {number: 0, name: http, protocol: HTTP}, hosts: [a]')],
    ['LAT1303 spec.servers.0.bind', server('port: {number: 1, name: http, protocol: HTTP}, hosts: [a], bind: here')],
    ['LAT1304 spec.servers.0.tls', server('port: {number: 443, name: https, protocol: HTTPS}, hosts: [a]')],
    [
      'LAT1304 spec.servers.0.tls',
      server('port: {number: 80, name: http, protocol: HTTP}, hosts: [a], tls: {mode: SIMPLE, credentialName: c}'),
    ],
    ['LAT1310 spec.servers.0.tls', https('mode: SIMPLE')],
    ['LAT1310 spec.servers.0.tls', https('mode: SIMPLE, serverCertificate: /a')],
    ['LAT1310 spec.servers.0.tls', https('mode: SIMPLE, credentialName: a, serverCertificate: /a, privateKey: /b')],
    ['LAT1310 spec.servers.0.tls', https('mode: MUTUAL, serverCertificate: /a, privateKey: /b')],
    ['LAT1310 spec.servers.0.tls', https('mode: PASSTHROUGH, credentialName: a')],
    [
      'LAT1311 spec.servers.0.tls.maxProtocolVersion',
      https('mode: SIMPLE, credentialName: a, minProtocolVersion: TLSV1_3, maxProtocolVersion: TLSV1_2'),
    ],
    ['LAT1310 spec.servers.0.tls', https('mode: MUTUAL, credentialName: a, caCrl: /d')],
    [
      'LAT1313 spec.servers.0.tls.verifyCertificateSpki.0',
      https('mode: MUTUAL, credentialName: a, verifyCertificateSpki: [AAAA]'),
    ],
    [
      'LAT1313 spec.servers.0.tls.verifyCertificateHash.0',
      https('mode: MUTUAL, credentialName: a, verifyCertificateHash: [AAAA]'),
    ],
    ['LAT1003 spec.servers.0.tls.mode', https('mode: TLS')],
    [
      'LAT1301 spec.servers.1.port.name',
      '{servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: [a]}, {port: {number: 81, name: a, protocol: HTTP}, hosts: [a]}]}',
    ],
  ],
});

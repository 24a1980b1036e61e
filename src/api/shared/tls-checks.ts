// Rules for TLS settings of clients and servers: which certificates each mode needs, and which exclude each other.

import { error, warning } from '../finding.ts';
import type { Finding } from '../kind.ts';
import type { Path } from '../object.ts';
import type { ClientTLSSettings, ServerTLSSettings } from './tls-settings.ts';

const isSet = (value: unknown): boolean => value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0);

const named = <Settings extends object>(settings: Settings, fields: readonly (keyof Settings & string)[]): string[] =>
  fields.filter((field) => isSet(settings[field]));

export function checkClientTls(tls: ClientTLSSettings | undefined, path: Path): Finding[] {
  if (tls === undefined) return [];
  const { mode = 'DISABLE', credentialName, insecureSkipVerify, sni } = tls;
  const findings: Finding[] = [];
  const files = named(tls, ['clientCertificate', 'privateKey', 'caCertificates', 'caCrl']);
  const refuse = (message: string, help: string): number => findings.push(error('LAT1210', path, message, help));
  if (mode === 'DISABLE') {
    const unused = [...files, ...named(tls, ['credentialName', 'subjectAltNames', 'sni'])];
    if (unused.length > 0)
      findings.push(warning('LAT1211', path, `${unused.join(', ')} mean nothing without TLS`, 'set mode to SIMPLE or MUTUAL'));
  } else if (mode === 'ISTIO_MUTUAL') {
    const given = [...files, ...named(tls, ['credentialName'])];
    if (given.length > 0)
      refuse(`ISTIO_MUTUAL uses the mesh's own certificates, not ${given.join(', ')}`, 'remove them, or set mode to MUTUAL');
  } else if (isSet(credentialName) && files.length > 0) {
    refuse(`credentialName and ${files.join(', ')} exclude each other`, 'keep one of them');
  } else if (mode === 'MUTUAL' && !isSet(credentialName)) {
    const missing = (['clientCertificate', 'privateKey'] as const).filter((field) => !isSet(tls[field]));
    if (missing.length > 0) refuse(`MUTUAL needs ${missing.join(' and ')}`, 'give both files, or credentialName');
  } else if (mode === 'SIMPLE') {
    const given = named(tls, ['clientCertificate', 'privateKey']);
    if (given.length > 0)
      refuse(`SIMPLE sends no client certificate, so ${given.join(' and ')} cannot be used`, 'set mode to MUTUAL');
  }
  if (insecureSkipVerify === true && named(tls, ['caCertificates', 'subjectAltNames']).length > 0) {
    findings.push(
      warning('LAT1211', [...path, 'insecureSkipVerify'], 'the server is not verified, whatever else is set', 'remove it'),
    );
  }
  if (isSet(sni) && (sni?.includes('*') ?? false)) refuse('sni names one host, without wildcards', 'write a whole host name');
  return findings;
}

const certificateFields = [
  'serverCertificate',
  'privateKey',
  'caCertificates',
  'caCrl',
  'credentialName',
  'credentialNames',
  'caCertCredentialName',
  'tlsCertificates',
] as const;

/** Versions in order; TLS_AUTO is no bound. */
const versions = ['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3'];

/** Suites that Envoy (BoringSSL) has. */
const suites = new Set([
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA',
  'AES256-SHA',
  'DES-CBC3-SHA',
]);

/** Whether Envoy has a cipher suite of this name. */
export const isCipherSuite = (name: string): boolean => suites.has(name);

/** Groups of the key exchange that Envoy (BoringSSL) has. */
const curves = new Set(['X25519MLKEM768', 'X25519', 'P-256', 'P-384', 'P-521']);

/** Whether Envoy has a curve of this name. */
export const isCurve = (name: string): boolean => curves.has(name);

/** The TLS of a server's port. A redirect to HTTPS alone needs no certificate; the caller knows whether that is all. */
export function checkServerTls(tls: ServerTLSSettings, path: Path): Finding[] {
  const { mode = 'PASSTHROUGH' } = tls;
  const given = named(tls, certificateFields);
  const findings: Finding[] = [];
  if (mode === 'PASSTHROUGH' || mode === 'AUTO_PASSTHROUGH' || mode === 'ISTIO_MUTUAL') {
    if (given.length > 0) {
      const why = mode === 'ISTIO_MUTUAL' ? "uses the mesh's own certificates" : 'ends no TLS';
      findings.push(
        error('LAT1310', path, `${mode} ${why}, so ${given.join(', ')} cannot be used`, 'remove them, or choose another mode'),
      );
    }
  } else {
    findings.push(...checkServerCertificates(tls, path));
  }
  const { minProtocolVersion = 'TLS_AUTO', maxProtocolVersion = 'TLS_AUTO' } = tls;
  if (maxProtocolVersion !== 'TLS_AUTO' && versions.indexOf(maxProtocolVersion) < versions.indexOf(minProtocolVersion)) {
    findings.push(
      error('LAT1311', [...path, 'maxProtocolVersion'], `${maxProtocolVersion} is below minProtocolVersion`, 'swap them'),
    );
  }
  return [
    ...findings,
    ...checkNames(tls.cipherSuites, [...path, 'cipherSuites'], 'cipher suite', isCipherSuite),
    ...checkNames(tls.ecdhCurves, [...path, 'ecdhCurves'], 'curve', isCurve),
    ...checkClients(tls, path),
  ];
}

/** What Envoy does not know is left out of what it is told. */
function checkNames(
  names: readonly string[] = [],
  path: Path,
  what: 'cipher suite' | 'curve',
  isKnown: (name: string) => boolean,
): Finding[] {
  const seen = new Set<string>();
  const findings: Finding[] = [];
  for (const [index, name] of names.entries()) {
    const place = [...path, index];
    if (!isKnown(name))
      findings.push(warning('LAT1312', place, `${name} is no ${what} that Envoy has; it is ignored`, 'remove it'));
    else if (seen.has(name)) findings.push(warning('LAT1312', place, `${name} stands twice`, 'remove one'));
    seen.add(name);
  }
  return findings;
}

const spki = /^[A-Za-z0-9+/]{43}=$/;
const hash = /^(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){31})$/;

/** What a server asks of its clients' certificates. */
function checkClients(tls: ServerTLSSettings, path: Path): Finding[] {
  const { mode = 'PASSTHROUGH', verifyCertificateSpki = [], verifyCertificateHash = [] } = tls;
  const findings: Finding[] = [];
  const refuse = (at: Path, message: string, help: string): number =>
    findings.push(error('LAT1313', [...path, ...at], message, help));
  for (const [index, pin] of verifyCertificateSpki.entries()) {
    if (!spki.test(pin)) refuse(['verifyCertificateSpki', index], `${pin} is no SHA-256 of a key`, 'write 32 bytes in base64');
  }
  for (const [index, pin] of verifyCertificateHash.entries()) {
    if (!hash.test(pin))
      refuse(['verifyCertificateHash', index], `${pin} is no SHA-256 of a certificate`, 'write 32 bytes in hex');
  }
  const unused = [
    ...named(tls, ['verifyCertificateSpki', 'verifyCertificateHash', 'caCertCredentialName']),
    ...(tls.insecureSkipVerify === true ? ['insecureSkipVerify'] : []),
  ];
  const names = named(tls, ['subjectAltNames']);
  if (mode === 'MUTUAL' || mode === 'OPTIONAL_MUTUAL') return findings;
  const idle = mode === 'ISTIO_MUTUAL' ? unused : [...unused, ...names];
  if (idle.length > 0) {
    const message = `${idle.join(', ')} ${idle.length > 1 ? 'mean' : 'means'} nothing with ${mode}`;
    findings.push(warning('LAT1314', path, message, 'set mode to MUTUAL or OPTIONAL_MUTUAL, or remove it'));
  }
  return findings;
}

function checkServerCertificates(tls: ServerTLSSettings, path: Path): Finding[] {
  const mode = tls.mode ?? 'SIMPLE';
  const findings: Finding[] = [];
  const refuse = (message: string, help: string): number => findings.push(error('LAT1310', path, message, help));
  const files = named(tls, ['serverCertificate', 'privateKey']);
  const sources = [
    ...named(tls, ['credentialName', 'credentialNames', 'tlsCertificates']),
    ...(files.length > 0 ? [files.join(' and ')] : []),
  ];
  if (sources.length === 0) refuse(`${mode} needs a certificate`, 'give credentialName, or serverCertificate and privateKey');
  if (sources.length > 1) refuse(`${sources.join(' and ')} exclude each other`, 'keep one source of certificates');
  if (sources.length === 1 && files.length === 1)
    refuse(`${files[0]} stands alone`, 'give both serverCertificate and privateKey');
  for (const [index, certificate] of (tls.tlsCertificates ?? []).entries()) {
    if (isSet(certificate.serverCertificate) && isSet(certificate.privateKey)) continue;
    findings.push(
      error(
        'LAT1310',
        [...path, 'tlsCertificates', index],
        'the certificate is not whole',
        'give serverCertificate and privateKey',
      ),
    );
  }
  const verifiesClients = mode === 'MUTUAL' || mode === 'OPTIONAL_MUTUAL';
  const authority =
    isSet(tls.caCertificates) || isSet(tls.caCertCredentialName) || isSet(tls.credentialName) || isSet(tls.credentialNames);
  const ownAuthority = (tls.tlsCertificates ?? []).some(({ caCertificates }) => isSet(caCertificates));
  if (verifiesClients && !authority && !ownAuthority) {
    refuse(`${mode} needs the authority that signs clients' certificates`, 'give caCertificates, or a credential that holds it');
  }
  if (!verifiesClients && isSet(tls.caCrl)) refuse(`caCrl means nothing with ${mode}`, 'set mode to MUTUAL or remove it');
  if (isSet(tls.caCrl) && named(tls, ['credentialName', 'credentialNames', 'caCertCredentialName']).length > 0)
    refuse('caCrl is for files: a credential holds its own list', 'write the list into the Secret as ca.crl, beside ca.crt');
  return findings;
}

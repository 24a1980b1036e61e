// Secrets as rows: whom a certificate is for, and until when. Keys are never looked at.

import { X509Certificate } from 'node:crypto';
import type { JsonValue } from '@bufbuild/protobuf';
import { refText } from '../../api/object.ts';
import { parseCredential, trustSuffix } from '../../compile/credential-name.ts';
import { at, text } from './json.ts';
import type { Row, Table } from './row.ts';

export const secrets: Table = {
  columns: [
    { name: 'Secret' },
    { name: 'Type' },
    { name: 'Status' },
    { name: 'For' },
    { name: 'Valid until' },
    { name: 'Origin' },
    { name: 'Valid from', wide: true },
    { name: 'Serial', wide: true },
  ],
  filters: ['name', 'type', 'status'],
  rows: ({ secrets: all, now }) => all.map((secret) => rowOf(secret, now)),
};

function rowOf(secret: JsonValue, now: Date): Row {
  const name = text(secret, 'name');
  const chain = at(secret, 'tlsCertificate', 'certificateChain');
  const roots = at(secret, 'validationContext', 'trustedCa');
  const type = chain === undefined ? (roots === undefined ? 'other' : 'trusted roots') : 'certificate';
  const source = chain ?? roots;
  const pem = text(source, 'inlineString') || Buffer.from(text(source, 'inlineBytes'), 'base64').toString('utf8');
  const read = source === undefined || pem === '' ? unread('not there yet') : described(pem, now);
  return {
    resource: name,
    cells: [name, type, type === 'other' ? '' : read.status, read.names, read.until, originOf(name), read.from, read.serial],
    facts: { name: [name], type: [type], status: [read.status] },
  };
}

interface Described {
  readonly status: string;
  readonly names: string;
  readonly from: string;
  readonly until: string;
  readonly serial: string;
}

const unread = (status: string): Described => ({ status, names: '', from: '', until: '', serial: '' });

/** Of a chain its first certificate counts; of several roots too, and the others are counted. */
function described(pem: string, now: Date): Described {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch {
    return unread('unreadable');
  }
  const { validFromDate, validToDate, subjectAltName = '', subject, serialNumber } = certificate;
  const names = subjectAltName.replaceAll(/(?:^|(?<=, ))(?:URI|DNS|IP Address|email):/g, '') || subject.replaceAll('\n', ', ');
  return {
    status: now < validFromDate ? 'not valid yet' : now > validToDate ? 'expired' : 'valid',
    names,
    from: validFromDate.toISOString(),
    until: validToDate.toISOString(),
    serial: serialNumber,
  };
}

/** `kubernetes://shop/cert-cacert` is of Secret/shop/cert; where no namespace is named, it is the proxy's own. */
function originOf(name: string): string {
  const credential = parseCredential(name.endsWith(trustSuffix) ? name.slice(0, -trustSuffix.length) : name, '');
  if (credential === undefined) return '';
  return credential.namespace === '' ? `${credential.kind} ${credential.name}` : refText(credential);
}

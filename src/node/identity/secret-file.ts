// What a file must be to become a secret: of a bounded size, and PEM certificates or the key that fits them. Read for file-secrets.ts.

import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { certificatePem, parseCertificates } from '../../ca/bundle.ts';
import { isRefusal } from '../../ca/refusal.ts';
import { SecretText } from '../../lib/secret-text.ts';
import { certificateSecret, rootsSecret, type ServedSecret } from './served-secret.ts';

/** Opens a file as the workload sees it, for reading. Rejects with a sentence that says why it cannot. */
export type OpenFile = (path: string) => Promise<FileHandle>;

/** Why a file cannot be a secret, in one sentence, and what to do about it in a clause. Holds no file's content. */
export class SecretFileError extends Error {
  override readonly name = 'SecretFileError';
  readonly help: string;

  constructor(message: string, help: string, options?: ErrorOptions) {
    super(message, options);
    this.help = help;
  }
}

/** Bytes. The authorities of a whole system are a quarter of this. */
const largestFile = 1024 * 1024;

const block = /-----BEGIN (CERTIFICATE|X509 CRL)-----[^-]*-----END \1-----/g;
const revocations = /-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g;

/** What of a file changes with its content; throws for what is no file, or is too big to be one of ours. */
export async function stampOf(file: FileHandle, path: string): Promise<string> {
  const stat = await file.stat({ bigint: true });
  const { dev, ino, size, mtimeNs, ctimeNs } = stat;
  if (!stat.isFile()) throw new SecretFileError(`${path} is not a file`, 'name a file of PEM text');
  if (size > largestFile) throw tooBig(path);
  return [dev, ino, size, mtimeNs, ctimeNs].join();
}

/** The text, read only as far as a file may be long: it may have grown since it was looked at. */
export async function textOf(file: FileHandle, path: string): Promise<string> {
  const buffer = Buffer.alloc(largestFile + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
    if (length > largestFile) throw tooBig(path);
  }
  const text = buffer.toString('utf8', 0, length);
  buffer.fill(0, 0, length);
  return text;
}

export interface NamedText {
  readonly path: string;
  readonly text: string;
}

/** Authorities, with the revocation lists that stand beside them or in a file of their own; whatever else is there is not passed on. */
export function rootsFrom(name: string, roots: NamedText, lists: NamedText | undefined): ServedSecret {
  certificatesIn(roots.path, roots.text);
  return rootsSecret(name, lines(roots.text.match(block)), lists && revocationsIn(lists));
}

function revocationsIn({ path, text }: NamedText): string {
  const found = text.match(revocations);
  if (found === null)
    throw new SecretFileError(
      `${path} is not usable: there is no list of revoked certificates in it`,
      'write a PEM block, X509 CRL',
    );
  return lines(found);
}

const lines = (blocks: readonly string[] | null): string => (blocks ?? []).map((each) => `${each}\n`).join('');

/** A certificate with its chain, and its key. */
export function certificateFrom(name: string, chain: NamedText, key: NamedText): ServedSecret {
  const certificates = certificatesIn(chain.path, chain.text);
  const privateKey = keyIn(key.path, key.text);
  if (certificates[0]?.checkPrivateKey(privateKey) !== true) {
    throw new SecretFileError(
      `the key in ${key.path} is not that of the first certificate in ${chain.path}`,
      'write both anew, the certificate of the server or client before those that signed it',
    );
  }
  const pem = new SecretText(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  return certificateSecret(name, certificates.map(certificatePem).join(''), pem);
}

function certificatesIn(path: string, text: string) {
  const certificates = parseCertificates(text);
  if (isRefusal(certificates))
    throw new SecretFileError(`${path} is not usable: ${certificates.message}`, 'write PEM certificates');
  return certificates;
}

function keyIn(path: string, text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    // No cause: what the parser says could quote what it read.
    throw new SecretFileError(
      `${path} is not usable: there is no private key in it`,
      'write a PEM private key without a passphrase',
    );
  }
}

const tooBig = (path: string) =>
  new SecretFileError(`${path} is above ${largestFile} bytes`, 'leave only the certificates in it that are needed');

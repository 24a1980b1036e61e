// A secret as Envoy takes it from its agent: encoded, with a version that says nothing about a key. Made for sds.ts.

import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { versionOf } from '../../compile/resource.ts';
import type { SecretText } from '../../lib/secret-text.ts';

export interface ServedSecret {
  /**
   * A hash of certificates and of what revokes them only: a version is logged and shown, and must say nothing about a key. It still tells every change,
   * since a certificate names its key's other half.
   */
  readonly version: string;
  readonly bytes: Uint8Array;
}

/** Authorities to check peers against, and certificates of theirs that they have taken back, as PEM. */
export const rootsSecret = (name: string, pem: string, revoked = ''): ServedSecret =>
  encode(name, pem + revoked, {
    case: 'validationContext',
    value: { trustedCa: inline(pem), ...(revoked !== '' && { crl: inline(revoked) }) },
  });

/** A chain, leaf first, with the leaf's key, both as PEM. Whoever calls this has seen that they belong together. */
export const certificateSecret = (name: string, chain: string, key: SecretText): ServedSecret =>
  encode(name, chain, {
    case: 'tlsCertificate',
    value: { certificateChain: inline(chain), privateKey: inline(key.reveal()) },
  });

const inline = (text: string) => ({ specifier: { case: 'inlineString' as const, value: text } });

const encode = (
  name: string,
  certificates: string,
  type: NonNullable<MessageInitShape<typeof SecretSchema>['type']>,
): ServedSecret => ({
  version: versionOf(Buffer.from(certificates)),
  bytes: toBinary(SecretSchema, create(SecretSchema, { name, type })),
});

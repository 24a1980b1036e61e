// Bearer tokens of our own: short-lived JWTs by which a workload or node without a certificate says who it is. Read by authenticate.ts.

import { createPublicKey, generateKeyPair } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SecretText } from '../lib/secret-text.ts';
import { readKey } from './authority.ts';
import { createOnce, privateFolder, readIfThere } from './private-files.ts';
import { refuse, type Refusal } from './refusal.ts';
import { isPathSegment, type SpiffeId } from './spiffe.ts';

/** What Istio's clients put into a token's `aud` for the certificate authority and the control plane. */
const tokenAudience = 'istio-ca';

/** Tokens above this size are refused unread. */
const largestToken = 8 * 1024;
const usualSeconds = 10 * 60;
const longestSeconds = 24 * 3600;

export interface Tokens {
  /** An ES256 JWT for `system:serviceaccount:NAMESPACE:SERVICEACCOUNT`; ten minutes unless told. */
  issue(who: Pick<SpiffeId, 'namespace' | 'serviceAccount'>, seconds?: number): Promise<SecretText>;
  /** Whom a token names, when we signed it, for this audience, and it has not expired. */
  verify(token: string): Promise<SpiffeId | Refusal>;
}

/**
 * Tokens signed by the key in `STATE/ca/token-key.pem` (mode 0600, made on first start). It is not the root's key: a
 * leaked token key must not be able to sign certificates.
 */
export async function openTokens(stateFolder: string, trustDomain: string, now: () => number = Date.now): Promise<Tokens> {
  const folder = join(stateFolder, 'ca');
  await privateFolder(folder);
  const path = join(folder, 'token-key.pem');
  const text = (await readIfThere(path, true)) ?? (await createOnce(path, await newKey(), 0o600));
  const key = readKey(path, text);
  const publicKey = createPublicKey(key);
  const issuer = `https://ca.${trustDomain}`;

  return {
    async issue({ namespace, serviceAccount }, seconds = usualSeconds) {
      if (!isPathSegment(namespace) || !isPathSegment(serviceAccount)) throw new TypeError('a name that no token can carry');
      const { SignJWT } = await import('jose');
      const start = Math.floor(now() / 1000);
      const token = await new SignJWT()
        .setProtectedHeader({ alg: 'ES256', typ: 'JWT' })
        .setIssuer(issuer)
        .setAudience(tokenAudience)
        .setSubject(`system:serviceaccount:${namespace}:${serviceAccount}`)
        .setIssuedAt(start)
        .setExpirationTime(start + Math.min(seconds, longestSeconds))
        .sign(key);
      return new SecretText(token);
    },

    async verify(token) {
      if (token.length > largestToken) return refuse('unauthenticated', `the token is above ${largestToken} bytes`);
      const { jwtVerify, errors } = await import('jose');
      try {
        const { payload } = await jwtVerify(token, publicKey, {
          algorithms: ['ES256'],
          issuer,
          audience: tokenAudience,
          requiredClaims: ['sub', 'exp', 'iat'],
          maxTokenAge: longestSeconds,
          currentDate: new Date(now()),
        });
        return subjectOf(payload.sub ?? '', trustDomain);
      } catch (error) {
        if (error instanceof errors.JWTExpired) return refuse('unauthenticated', 'the token has expired');
        return refuse('unauthenticated', `the token was not signed by this mesh for ${tokenAudience}`);
      }
    },
  };
}

function subjectOf(subject: string, trustDomain: string): SpiffeId | Refusal {
  const [system, kind, namespace = '', serviceAccount = '', ...rest] = subject.split(':');
  const shaped = system === 'system' && kind === 'serviceaccount' && rest.length === 0;
  if (!shaped || !isPathSegment(namespace) || !isPathSegment(serviceAccount)) {
    return refuse('unauthenticated', 'the token does not name a service account');
  }
  return { trustDomain, namespace, serviceAccount };
}

async function newKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

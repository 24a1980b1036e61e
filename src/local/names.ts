// Names that the platform gives: template hashes and pod suffixes, in Kubernetes' alphabet and lengths.

import { createHash } from 'node:crypto';

/** Letters and digits that cannot spell words or be mistaken for each other, as Kubernetes' own. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** `length` characters that depend on the text alone. */
export function hashName(text: string, length: number): string {
  const digest = createHash('sha256').update(text).digest();
  let name = '';
  for (const byte of digest.subarray(0, length)) name += alphabet[byte % alphabet.length];
  return name;
}

/** The hash of a pod template: the `pod-template-hash` label, and the middle of a Deployment's pods' names. */
export const templateHash = (template: unknown): string => hashName(stableJson(template), 10);

/** JSON with sorted keys: the same for documents that say the same in another order. */
export const stableJson = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );

/** `reviews-v1-5d8f7c9b6d-x2k7q`: a name cut so that the whole stays a DNS label. */
export const deploymentPodName = (deployment: string, hash: string, suffix: string): string =>
  `${deployment.slice(0, 63 - hash.length - suffix.length - 2)}-${hash}-${suffix}`;

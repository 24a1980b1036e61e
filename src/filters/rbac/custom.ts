// CUSTOM policies, until their providers can be asked: what a provider would be asked about is denied. Istio does the same when it
// cannot find the provider.

import type { ExtensionProvider } from '../../api/mesh-config.ts';
import type { Authorization } from '../../mesh/authorization.ts';
import type { Protocol } from './rule.ts';

export interface Providers {
  readonly extensionProviders: readonly ExtensionProvider[];
}

/** The provider that a CUSTOM policy names, if it exists and is one that authorizes. */
export const providerOf = ({ provider }: Authorization, { extensionProviders }: Providers): ExtensionProvider | undefined =>
  extensionProviders.find(
    (candidate) => candidate.name === provider && ('envoyExtAuthzHttp' in candidate || 'envoyExtAuthzGrpc' in candidate),
  );

/**
 * Whether a policy has a say in a protocol. All have, but a CUSTOM policy whose provider speaks of HTTP is never asked about TCP
 * connections, and one in dry run (which Istio refuses to accept) about nothing.
 */
export function concerns(policy: Authorization, protocol: Protocol, providers: Providers): boolean {
  if (policy.action !== 'CUSTOM') return true;
  const provider = providerOf(policy, providers);
  return !policy.dryRun && !(protocol === 'tcp' && provider !== undefined && 'envoyExtAuthzHttp' in provider);
}

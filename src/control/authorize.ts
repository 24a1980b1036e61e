// Who may have which configuration: decides for each xDS stream by how it came in and what it proves. Used by the ADS server.

import { authenticate, checkClaim, credentialsOf, type Authenticator } from '../ca/authenticate.ts';
import { isRefusal, type Refusal } from '../ca/refusal.ts';
import { formatSpiffeId, type SpiffeId } from '../ca/spiffe.ts';
import type { ProxyNode } from '../compile/configuration.ts';
import { grpcStatus } from '../lib/grpc/status.ts';
import type { Authorization, CallInfo } from '../xds/ads.ts';

export interface AuthorizeOptions {
  readonly authenticator: Authenticator;
  /** Whose a Unix socket is: the agent made it for that workload alone. Undefined for a socket it does not know. */
  readonly socketIdentity?: (path: string) => SpiffeId | undefined;
}

/**
 * TLS peers prove an identity and get what belongs to its namespace and service account; a Unix socket stands for its workload;
 * plaintext peers, on loopback unless told, are whom they say.
 */
export function authorizer({ authenticator, socketIdentity }: AuthorizeOptions) {
  return async (node: ProxyNode, call: CallInfo): Promise<Authorization> => {
    if (call.peer.transport === 'tcp') return {};
    const identity =
      call.peer.transport === 'unix'
        ? socketIdentity?.(call.peer.address)
        : await authenticate(credentialsOf(call), authenticator);
    if (identity === undefined) return refused({ refused: 'unauthenticated', message: 'this socket belongs to no workload' });
    if (isRefusal(identity)) return refused(identity);
    const serviceAccount = node.metadata['SERVICE_ACCOUNT'];
    const claim = { namespace: node.namespace, ...(typeof serviceAccount === 'string' && { serviceAccount }) };
    const mismatch = checkClaim(identity, claim);
    return mismatch === undefined ? { identity: formatSpiffeId(identity) } : refused(mismatch);
  };
}

const statusNames = { unauthenticated: 'unauthenticated', forbidden: 'permissionDenied', invalid: 'invalidArgument' } as const;

const refused = ({ refused: reason, message }: Refusal): Authorization => ({ refused: grpcStatus(statusNames[reason], message) });

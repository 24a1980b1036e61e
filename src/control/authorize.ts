// Who may have which configuration: decides for each xDS stream by how it came in and what it proves. Used by the ADS server.

import { authenticate, checkClaim, credentialsOf, type Authenticator } from '../ca/authenticate.ts';
import { isRefusal, type Refusal } from '../ca/refusal.ts';
import { formatSpiffeId } from '../ca/spiffe.ts';
import type { ProxyNode } from '../compile/configuration.ts';
import { grpcStatus } from '../lib/grpc/status.ts';
import type { Authorization, CallInfo } from '../xds/ads.ts';

export type AuthorizeSocket = (node: ProxyNode, call: CallInfo) => Authorization;

export interface AuthorizeOptions {
  readonly authenticator: Authenticator;
  /** Decides for Unix sockets: the agent made each for one workload alone. Without it they are refused. */
  readonly authorizeSocket?: AuthorizeSocket;
}

/**
 * TLS peers prove an identity and get what belongs to its namespace and service account; a Unix socket stands for its workload;
 * plaintext peers, on loopback unless told, are whom they say.
 */
export function authorizer({ authenticator, authorizeSocket }: AuthorizeOptions) {
  return async (node: ProxyNode, call: CallInfo): Promise<Authorization> => {
    if (call.peer.transport === 'tcp') return {};
    if (call.peer.transport === 'unix') {
      return (
        authorizeSocket?.(node, call) ?? refused({ refused: 'unauthenticated', message: 'this socket belongs to no workload' })
      );
    }
    const identity = await authenticate(credentialsOf(call), authenticator);
    if (isRefusal(identity)) return refused(identity);
    const serviceAccount = node.metadata['SERVICE_ACCOUNT'];
    const claim = { namespace: node.namespace, ...(typeof serviceAccount === 'string' && { serviceAccount }) };
    const mismatch = checkClaim(identity, claim);
    return mismatch === undefined ? { identity: formatSpiffeId(identity) } : refused(mismatch);
  };
}

const statusNames = { unauthenticated: 'unauthenticated', forbidden: 'permissionDenied', invalid: 'invalidArgument' } as const;

const refused = ({ refused: reason, message }: Refusal): Authorization => ({ refused: grpcStatus(statusNames[reason], message) });

// Whether a node that an Envoy sends on its socket is the workload that the socket was made for. Asked by the ADS server.

import type { JsonValue } from '@bufbuild/protobuf';
import type { Peer } from '../lib/grpc/call.ts';
import { grpcStatus } from '../lib/grpc/status.ts';
import type { Authorization } from '../xds/ads.ts';

/** What matters of a node, as a message or parsed. */
interface ClaimedNode {
  readonly id: string;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** What a control plane selects configuration and secrets by. */
const binding = ['NAMESPACE', 'SERVICE_ACCOUNT', 'LABELS', 'CLUSTER_ID'] as const;

interface Holder {
  readonly node: ClaimedNode;
  readonly identity: string;
}

/** Which workload each Unix socket was made for: the socket is the proof. One for all the workloads of a host. */
export class SocketClaims {
  readonly #holders = new Map<string, Holder>();

  /** From now until disposed, `socketPath` is `node`'s, whose identity is `spiffe://…`. */
  hold(socketPath: string, node: ClaimedNode, identity: string): Disposable {
    const holder: Holder = { node, identity };
    this.#holders.set(socketPath, holder);
    return {
      [Symbol.dispose]: () => {
        if (this.#holders.get(socketPath) === holder) this.#holders.delete(socketPath);
      },
    };
  }

  /** The answer to ADS, for calls on Unix sockets; all others are refused. */
  authorize(node: ClaimedNode, { peer }: { readonly peer: Peer }): Authorization {
    const holder = peer.transport === 'unix' ? this.#holders.get(peer.address) : undefined;
    if (holder === undefined) return { refused: grpcStatus('permissionDenied', 'this socket belongs to no workload') };
    const refusal = claimRefusal(holder.node, node);
    return refusal === undefined ? { identity: holder.identity } : { refused: grpcStatus('permissionDenied', refusal) };
  }
}

/** Undefined when `claimed` is `own`; else a message for the peer that names both. */
function claimRefusal(own: ClaimedNode, claimed: ClaimedNode): string | undefined {
  if (claimed.id !== own.id) {
    return `this socket belongs to ${own.id}, and the node says that it is ${cut(claimed.id)}: a proxy can only speak for its own workload`;
  }
  for (const key of binding) {
    const [mine, theirs] = [own, claimed].map(({ metadata }) => canonical(metadata?.[key] as JsonValue | undefined));
    if (mine !== theirs)
      return `${own.id} is known with ${key} ${mine}, and the node says ${cut(theirs ?? '')}: use the bootstrap that it was given`;
  }
  return undefined;
}

const cut = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text);

/** JSON with sorted names: a Struct has no order. */
function canonical(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  return JSON.stringify(value, (_key, part: JsonValue) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

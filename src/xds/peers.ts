// The streams of one proxy beside each other: ADS, the clusters that it calls for by name, and the virtual hosts of its large tables.
// What one sends can oblige another.

/** What a stream does for the other streams of its proxy. */
export interface Peer {
  readonly node: { readonly id: string };
  /** Whose virtual hosts it is for; empty for others. */
  readonly table: string;
  /**
   * Which of these endpoints the proxy has subscribed to here: for a cluster that changes it does not ask for them again. Undefined
   * where it has not yet said, or never says, which it has.
   */
  endpointsHeld(names: readonly string[]): readonly string[] | undefined;
  /** Sends endpoints once more; false where the proxy has not yet said which it has. */
  repeatEndpoints(names: readonly string[]): boolean;
  /** Endpoints that must be sent once more by the stream that asks: their clusters changed while there was none. They are told once. */
  takeUnrepeated(): Iterable<string>;
  /** Milliseconds until nothing that the proxy runs refers any more to what is gone; 0 is now; undefined where this is not known here. */
  untilUnused(): number | undefined;
  /** Sends the clusters that there are, and says how many milliseconds what leads to them must wait; 0 is now. */
  clustersFirst(changedAt: number | undefined): number;
  /** Whether what the proxy has of this stream leads to a cluster. */
  leadsTo(cluster: string): boolean;
  /** Whether a bridge answers for a table until its virtual hosts are there. */
  bridges(table: string): boolean;
  /** Whether the proxy has all virtual hosts that there are of the stream's table. */
  hostsArrived(): boolean;
  /** Something was answered: what waits for that may go. */
  look(): void;
  /** Whether the proxy has called for a cluster here: then nobody else may take it away (envoy-tried.md §2.4). */
  hasCalled(name: string): boolean;
  /** Sends clusters that were called for here once more: the proxy holds what another stream sent it under their names. */
  repeatCalled(names: readonly string[]): void;
}

/** Streams by node id. Who claims another's id gains nothing: a stream is only sent what it has subscribed to, again. */
export class Peers {
  readonly #byNode = new Map<string, Set<Peer>>();

  add(peer: Peer): void {
    const known = this.#byNode.get(peer.node.id);
    if (known === undefined) this.#byNode.set(peer.node.id, new Set([peer]));
    else known.add(peer);
  }

  remove(peer: Peer): void {
    const known = this.#byNode.get(peer.node.id);
    known?.delete(peer);
    if (known?.size === 0) this.#byNode.delete(peer.node.id);
  }

  /** All but the stream itself. */
  of(peer: Peer): readonly Peer[] {
    const others: Peer[] = [];
    for (const other of this.#byNode.get(peer.node.id) ?? []) if (other !== peer) others.push(other);
    return others;
  }
}

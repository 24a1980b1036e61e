// What a bench driver and the client fleet say to each other: one JSON object a line, commands in, reports out.

/** What the fleet is told on standard input. `id` comes back in the answer. */
export type FleetCommand = { readonly id: number } & (
  | {
      readonly do: 'connect';
      readonly address: { readonly host: string; readonly port: number } | { readonly path: string };
      readonly proxies: readonly FleetProxy[];
      /** How many connect at one time; the rest follow as those finish. Default: all. */
      readonly at?: number;
    }
  /** Answers when every proxy has what it asked for and nothing came for `quietMs`. */
  | { readonly do: 'wait'; readonly quietMs: number }
  /** Answers with counters since the last `reset`. */
  | { readonly do: 'report' }
  | { readonly do: 'reset' }
  /** Drops all connections. With `keep` the proxies remember their resources for the next `connect`. */
  | { readonly do: 'disconnect'; readonly keep: boolean }
  | { readonly do: 'exit' }
);

export interface FleetProxy {
  readonly nodeId: string;
  /** Node metadata, as an Envoy's bootstrap has it. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Clusters that it calls for on demand, each on its first connection. */
  readonly calls?: readonly string[];
}

export interface FleetReport {
  readonly connected: number;
  /** Streams that ended without being told to. */
  readonly lost: number;
  /** Proxies that have got clusters, endpoints of all EDS clusters, listeners, and all route tables. */
  readonly complete: number;
  readonly responses: number;
  readonly bytes: number;
  /** Resources received by type URL's last word. */
  readonly resources: Readonly<Record<string, number>>;
  readonly removed: number;
  /** Milliseconds since 1970, with fractions, when each proxy sent its last ACK, oldest first. */
  readonly lastAcks: readonly number[];
  /** CPU of the fleet's process, in milliseconds. */
  readonly cpuMs: number;
}

export type FleetAnswer = { readonly id: number } & (
  | { readonly report: FleetReport }
  | { readonly done: true }
  | { readonly error: string }
);

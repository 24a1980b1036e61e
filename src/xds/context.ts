// What all streams of an ADS server share: made once by ads.ts, read by every stream.

import type { Compiler, ProxyNode } from '../compile/configuration.ts';
import type { Clock } from './clock.ts';
import type { XdsMetrics } from './metrics.ts';
import type { Packer } from './pack.ts';
import type { Peers } from './peers.ts';
import type { Member } from './view.ts';
import type { Views } from './views.ts';
import type { Watches } from './watch.ts';
import type { Waves } from './wave.ts';

/** A stream as the pulse sees it. */
export interface Flushable {
  readonly node: ProxyNode;
  /** Moves to the proxy's present class, if it is another. */
  reclassify(): void;
  /** Sends what may go now. `cause` is the time of the change that causes it, if one does. */
  flush(cause: number | undefined): void;
}

/** What all streams of a server share. */
export interface StreamContext {
  readonly compiler: Compiler;
  readonly clock: Clock;
  readonly log: XdsLog;
  readonly metrics: XdsMetrics;
  readonly packer: Packer;
  readonly views: Views;
  readonly watches: Watches;
  readonly waves: Waves;
  /** Whose a subscription is, for views that changed. */
  readonly owners: WeakMap<Member, Flushable>;
  readonly peers: Peers;
  /** Before every nonce: no two processes share one. */
  readonly nonceBase: string;
  /** How long a change waits for an answer to what it needs. */
  readonly patienceMs: number;
  /** Resource names on one stream. */
  readonly mostNames: number;
  /** Clusters that one proxy is given on demand; those it asks for beyond are not answered. */
  readonly mostCalled: number;
  /** The stream's class may be another: `reclassify` and `flush` it soon. */
  touchStream(stream: Flushable): void;
}

/** The part of a pino logger that this room uses. */
export interface XdsLog {
  debug(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

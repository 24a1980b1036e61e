// What a filter is: when a chain wants it, its entry there, and what a single route says to it.

import type { Any } from '@bufbuild/protobuf/wkt';
import type { OnDemandCdsSchema } from '../../gen/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js';
import type { HttpRule } from '../mesh/route.ts';
import type { NameCache } from './dynamic-names.ts';
import type { Protocol } from '../mesh/protocol.ts';
import type { Init } from './any.ts';

/** What the entries of an HTTP filter chain depend on. Never the routes: they change without touching a listener. */
export interface HttpChain {
  readonly role: 'outbound' | 'inbound' | 'gateway';
  readonly protocol: Protocol;
  /** Filters made elsewhere for this chain's workload: authorization. */
  readonly authorization: readonly NamedFilter[];
  /** Where names are remembered that requests say; undefined: no service is called by such names. */
  readonly names?: NameCache | undefined;
  /** The proxy writes none of Envoy's own headers. */
  readonly quiet?: boolean;
  /** Where clusters come from that are called for the first time; undefined where all are there. */
  readonly onDemand?: Init<typeof OnDemandCdsSchema> | undefined;
}

export interface NamedFilter {
  readonly name: string;
  readonly config: Any;
}

export interface HttpFilter {
  readonly name: string;
  /** Every filter in a chain costs each request: only where it can act. */
  wanted(chain: HttpChain): boolean;
  /** The chain's entries: mostly one. */
  chain(chain: HttpChain): readonly NamedFilter[];
  /** What a rule says to the filter, if it does. */
  route?(rule: HttpRule): Any | undefined;
}

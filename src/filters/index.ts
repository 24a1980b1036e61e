// The HTTP filters, in the order of every chain: read top to bottom, this is what a request passes (istio.md §3.5).

import type { Any } from '@bufbuild/protobuf/wkt';
import type { HttpRule } from '../mesh/route.ts';
import { alpn } from './alpn.ts';
import { authorization } from './authorization.ts';
import { cors } from './cors.ts';
import { dynamicNames } from './dynamic-names.ts';
import { fault } from './fault.ts';
import type { HttpChain, HttpFilter, NamedFilter } from './filter.ts';
import { grpcStats } from './grpc-stats.ts';
import { grpcWeb } from './grpc-web.ts';
import { onDemand } from './on-demand.ts';
import { router } from './router.ts';

const filters: readonly HttpFilter[] = [onDemand, authorization, grpcWeb, grpcStats, alpn, fault, cors, dynamicNames, router];

/** The entries of an HTTP filter chain. */
export const httpFilters = (chain: HttpChain): readonly NamedFilter[] =>
  filters.filter((filter) => filter.wanted(chain)).flatMap((filter) => filter.chain(chain));

/** What a rule says to each filter, by the filter's name. */
export function routeFilters(rule: HttpRule): Record<string, Any> {
  const said: Record<string, Any> = {};
  for (const filter of filters) {
    const config = filter.route?.(rule);
    if (config !== undefined) said[filter.name] = config;
  }
  return said;
}

// Holds the first request to a cluster that the proxy has not got yet until the cluster came, or was not given.

import { OnDemandSchema } from '../../gen/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js';
import { any } from './any.ts';
import type { HttpFilter } from './filter.ts';

export const onDemand: HttpFilter = {
  name: 'envoy.filters.http.on_demand',
  wanted: (chain) => chain.onDemand !== undefined,
  chain: ({ onDemand: clusters }) =>
    clusters === undefined ? [] : [{ name: 'envoy.filters.http.on_demand', config: any(OnDemandSchema, { odcds: clusters }) }],
};

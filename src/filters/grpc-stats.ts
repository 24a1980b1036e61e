// Counts of gRPC messages (envoy.filters.http.grpc_stats): per upstream cluster, and for access logs as filter state.

import { FilterConfigSchema } from '../../gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js';
import { isHttp2 } from '../mesh/protocol.ts';
import { any } from './any.ts';
import type { HttpFilter } from './filter.ts';

const name = 'envoy.filters.http.grpc_stats';

export const grpcStats: HttpFilter = {
  name,
  // Where gRPC is declared, or HTTP/2, which it travels by.
  wanted: ({ protocol }) => isHttp2(protocol),
  chain: () => [
    {
      name,
      config: any(FilterConfigSchema, {
        emitFilterState: true,
        perMethodStatSpecifier: { case: 'statsForAllMethods', value: { value: false } },
      }),
    },
  ],
};

// gRPC-Web (envoy.filters.http.grpc_web): browsers' gRPC in, gRPC out.

import { GrpcWebSchema } from '../../gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.js';
import { any } from './any.ts';
import type { HttpFilter } from './filter.ts';

const name = 'envoy.filters.http.grpc_web';

export const grpcWeb: HttpFilter = {
  name,
  wanted: ({ protocol }) => protocol === 'GRPC-Web',
  chain: () => [{ name, config: any(GrpcWebSchema, {}) }],
};

// The router (envoy.filters.http.router): last in every HTTP chain.

import { RouterSchema } from '../../gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { any } from './any.ts';
import type { HttpFilter } from './filter.ts';

const name = 'envoy.filters.http.router';

export const router: HttpFilter = {
  name,
  wanted: () => true,
  chain: ({ quiet }) => [{ name, config: any(RouterSchema, quiet === true ? { suppressEnvoyHeaders: true } : {}) }],
};

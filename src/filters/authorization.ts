// Where authorization stands in a chain; what it says is made in rbac/ for the chain's workload.

import type { HttpFilter } from './filter.ts';

export const authorization: HttpFilter = {
  name: 'envoy.filters.http.rbac',
  wanted: (chain) => chain.authorization.length > 0,
  chain: (chain) => chain.authorization,
};

// Where a filter of a class is added: behind what authenticates, behind what authorizes, before what ends the chain (istio.md §3.5).

import type { FilterClass } from './patch.ts';

const authentication = ['envoy.filters.http.jwt_authn'];
const authorization = [
  'envoy.filters.http.rbac',
  'envoy.filters.http.ext_authz',
  'envoy.filters.network.rbac',
  'envoy.filters.network.ext_authz',
];

/** What takes a request or connection away: nothing can stand behind it. */
const ends = [
  'envoy.filters.http.dynamic_forward_proxy',
  'envoy.filters.http.router',
  'envoy.filters.network.http_connection_manager',
  'envoy.filters.network.sni_dynamic_forward_proxy',
  'envoy.filters.network.tcp_proxy',
];

/** The index at which a filter of this class is put into a chain. */
export function placeOfClass(chain: readonly { readonly name: string }[], filterClass: FilterClass): number {
  const behind = (names: readonly string[]): number => chain.findLastIndex(({ name }) => names.includes(name)) + 1;
  const before = (names: readonly string[]): number => {
    const at = chain.findIndex(({ name }) => names.includes(name));
    return at < 0 ? chain.length : at;
  };
  const has = (names: readonly string[]): boolean => chain.some(({ name }) => names.includes(name));
  const end = before(ends);
  switch (filterClass) {
    case 'AUTHN':
      return Math.min(behind(authentication) || (has(authorization) ? before(authorization) : firstOwn(chain)), end);
    case 'AUTHZ':
      return Math.min(behind([...authentication, ...authorization]) || firstOwn(chain), end);
    case 'STATS':
      return end;
  }
}

/** Before the filters of traffic where nobody is asked who he is: only what fetches clusters comes earlier. */
const firstOwn = (chain: readonly { readonly name: string }[]): number =>
  chain.findLastIndex(({ name }) => name === 'envoy.filters.http.on_demand') + 1;

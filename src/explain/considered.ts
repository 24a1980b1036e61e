// The ALLOW rules that a refused request or connection had met at a listener, and what each asks for that it had not. For exchanges
// that happened, of which no more is left than a record: those that are asked about are decided in rbac.ts, by the same means.

import { RBAC_Action, type RBAC } from '../../gen/envoy/config/rbac/v3/rbac_pb.js';
import type { Listener } from '../../gen/envoy/config/listener/v3/listener_pb.js';
import type { FilterChain } from '../../gen/envoy/config/listener/v3/listener_components_pb.js';
import { RBACSchema as HttpRbacSchema } from '../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { HttpConnectionManagerSchema } from '../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { RBACSchema as NetworkRbacSchema } from '../../gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import type { Asked } from './asked.ts';
import { policyRule } from './policy-name.ts';
import { consider, lackText } from './rbac.ts';
import { typedConfig } from './typed-config.ts';

export interface ConsideredRule {
  /** `AuthorizationPolicy/default/viewer`, `spec.rules[0]`. */
  readonly object: string;
  readonly path: string;
  /** `AuthorizationPolicy default/viewer, rule 1 asks for …; the request has …`. */
  readonly text: string;
}

/** `chain`: the name of the filter chain that took it. In Envoy's order; rules that can never match are in no filter. */
export function allowRulesAt(listener: Listener, chain: string, asked: Asked): readonly ConsideredRule[] {
  const { filterChains, defaultFilterChain } = listener;
  const chains = [...filterChains, ...(defaultFilterChain === undefined ? [] : [defaultFilterChain])];
  const rules = chains
    .filter(({ name }) => name === chain)
    .map((each) => allowing(each, asked.headers !== undefined))
    .find((found) => found.length > 0);
  return (rules ?? [])
    .flatMap((each) => consider(each, asked))
    .flatMap((rule) => {
      const found = policyRule(rule.key);
      return found === undefined ? [] : [{ ...found, text: lackText(rule) }];
    });
}

function allowing({ filters }: FilterChain, ofRequests: boolean): RBAC[] {
  const found = filters.flatMap(({ configType }) => {
    const config = configType.case === 'typedConfig' ? configType.value : undefined;
    if (!ofRequests) return typedConfig(NetworkRbacSchema, config)?.rules ?? [];
    return (typedConfig(HttpConnectionManagerSchema, config)?.httpFilters ?? []).flatMap(
      ({ configType: type }) => typedConfig(HttpRbacSchema, type.case === 'typedConfig' ? type.value : undefined)?.rules ?? [],
    );
  });
  return found.filter(({ action }) => action === RBAC_Action.ALLOW);
}

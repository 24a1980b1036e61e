// Header changes by a filter of their own.

import type { HeaderMutation } from '../../../gen/envoy/config/common/mutation_rules/v3/mutation_rules_pb.js';
import {
  HeaderMutationPerRouteSchema,
  HeaderMutationSchema,
} from '../../../gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.js';
import { applyOption, differences } from '../header-changes.ts';
import { headerName, type Headers } from '../headers.ts';
import { note, type Passage } from '../passage.ts';
import { typedConfig } from '../typed-config.ts';
import { unwrapped, type HttpFilter } from './exchange.ts';

export const headerMutation: HttpFilter = ({ exchange, name, config, own }) => {
  const { passage, headers } = exchange;
  const before = new Map(headers);
  const chain = typedConfig(HeaderMutationSchema, config)?.mutations?.requestMutations ?? [];
  const route = typedConfig(HeaderMutationPerRouteSchema, unwrapped(own))?.mutations?.requestMutations ?? [];
  mutate(headers, [...chain, ...route], passage);
  const details = differences(before, headers);
  if (details.length > 0) note(passage, { kind: 'filter', name, text: 'changes headers', details });
  return undefined;
};

/** Removes and adds in the order that is written. */
export function mutate(headers: Headers, mutations: readonly HeaderMutation[], passage: Passage): void {
  for (const { action } of mutations) {
    if (action.case === 'remove') headers.delete(headerName(action.value));
    else if (action.case === 'append') applyOption(headers, action.value, passage);
  }
}

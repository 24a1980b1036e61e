// Header changes by a filter of their own.

import type { Any } from '@bufbuild/protobuf/wkt';
import type { HeaderMutation } from '../../../gen/envoy/config/common/mutation_rules/v3/mutation_rules_pb.js';
import {
  HeaderMutationPerRouteSchema,
  HeaderMutationSchema,
} from '../../../gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.js';
import type { HeaderChange } from '../explanation.ts';
import { addition, applyOption, differences, removal } from '../header-changes.ts';
import { headerName, type Headers } from '../headers.ts';
import { note, type Passage } from '../passage.ts';
import { typedConfig } from '../typed-config.ts';
import { configOf, isOff, perRoute, unwrapped, type Exchange, type HttpFilter } from './exchange.ts';

export const headerMutation: HttpFilter = ({ exchange, name, config, own }) => {
  const { passage, headers } = exchange;
  const before = new Map(headers);
  mutate(headers, mutationsOf(config, own)('requestMutations'), passage);
  const details = differences(before, headers);
  if (details.length > 0) note(passage, { kind: 'filter', name, text: 'changes headers', details });
  return undefined;
};

/** What such filters do to an answer, whoever gives it: the last of the chain is the first. */
export function responseMutations({ filters, ...exchange }: Exchange, headers: Headers): HeaderChange[] {
  return filters.toReversed().flatMap(({ name, configType, disabled }) => {
    const config = configOf({ name, configType }, exchange.passage);
    if (config === undefined || typedConfig(HeaderMutationSchema, config) === undefined) return [];
    const own = perRoute(exchange, name);
    if (isOff(disabled, own)) return [];
    return mutationsOf(
      config,
      own,
    )('responseMutations').flatMap(({ action }) => {
      if (action.case === 'remove') return [removal(action.value)];
      return action.case === 'append' ? addition(action.value, { headers, passage: exchange.passage }) : [];
    });
  });
}

/** The chain's, then the route's. */
const mutationsOf =
  (config: Any | undefined, own: Any | undefined) =>
  (which: 'requestMutations' | 'responseMutations'): HeaderMutation[] => [
    ...(typedConfig(HeaderMutationSchema, config)?.mutations?.[which] ?? []),
    ...(typedConfig(HeaderMutationPerRouteSchema, unwrapped(own))?.mutations?.[which] ?? []),
  ];

/** Removes and adds in the order that is written. */
export function mutate(headers: Headers, mutations: readonly HeaderMutation[], passage: Passage): void {
  for (const { action } of mutations) {
    if (action.case === 'remove') headers.delete(headerName(action.value));
    else if (action.case === 'append') applyOption(headers, action.value, passage);
  }
}

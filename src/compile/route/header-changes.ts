// What a rule changes in headers → fields of Envoy's routes and weighted clusters. A change of `Host` is a rewrite of the authority.

import { HeaderValueOption_HeaderAppendAction, type HeaderValueOptionSchema } from '../../../gen/envoy/config/core/v3/base_pb.js';
import type { Init } from '../../filters/any.ts';
import type { HeaderChanges, Headers } from '../../mesh/route.ts';

type HeaderValueOption = Init<typeof HeaderValueOptionSchema>;

/** Ready to stand in a route, virtual host or weighted cluster. Later entries of a list act after earlier ones. */
export interface HeaderFields {
  requestHeadersToAdd?: HeaderValueOption[];
  requestHeadersToRemove?: string[];
  responseHeadersToAdd?: HeaderValueOption[];
  responseHeadersToRemove?: string[];
}

const isHost = (name: string): boolean => /^(?:host|:authority)$/i.test(name);

/** The host and pseudo-headers are not headers that Envoy lets a route change. */
const isInternal = (name: string): boolean => name.startsWith(':') || isHost(name);

const overwrite = HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD;
const append = HeaderValueOption_HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD;

/** First what is set, then what is added: an addition to a header that is set too stays. */
function additions({ set, add }: HeaderChanges): HeaderValueOption[] {
  const list = (map: Readonly<Record<string, string>>, appendAction: HeaderValueOption_HeaderAppendAction) =>
    Object.entries(map)
      .filter(([key]) => !isInternal(key))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ header: { key, value }, appendAction }));
  return [...list(set, overwrite), ...list(add, append)];
}

const none: HeaderChanges = { set: {}, add: {}, remove: [] };

/** The fields of several sets of changes, those of the first first. */
export function headerFields(...all: readonly (Headers | undefined)[]): HeaderFields {
  if (all.every((headers) => headers === undefined)) return {};
  const requests = all.map((headers) => headers?.request ?? none);
  const responses = all.map((headers) => headers?.response ?? none);
  const removals = (list: readonly HeaderChanges[]) => list.flatMap(({ remove }) => remove).filter((name) => !isInternal(name));
  const fields: Required<HeaderFields> = {
    requestHeadersToAdd: requests.flatMap(additions),
    requestHeadersToRemove: removals(requests),
    responseHeadersToAdd: responses.flatMap(additions),
    responseHeadersToRemove: removals(responses),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, list]) => list.length > 0));
}

/** The host that requests get, where the changes say one: `set` over `add`. */
export function hostChange(headers: Headers | undefined): string | undefined {
  const { set, add } = headers?.request ?? none;
  const [, value] = [...Object.entries(set), ...Object.entries(add)].find(([name]) => isHost(name)) ?? [];
  return value === '' ? undefined : value;
}

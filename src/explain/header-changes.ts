// Header changes as Envoy makes them: what a list removes goes before what it sets, that before what it adds, and narrower scopes
// act before wider ones.

import { HeaderValueOption_HeaderAppendAction, type HeaderValueOption } from '../../gen/envoy/config/core/v3/base_pb.js';
import type { HeaderChange } from './explanation.ts';
import { formatted } from './format.ts';
import { clusterHeader } from '../compile/demand/dialled.ts';
import { headerName, type Headers } from './headers.ts';
import type { Passage } from './passage.ts';

/** What a route, virtual host, table or weighted cluster says. */
export interface HeaderLists {
  readonly requestHeadersToAdd: readonly HeaderValueOption[];
  readonly requestHeadersToRemove: readonly string[];
  readonly responseHeadersToAdd: readonly HeaderValueOption[];
  readonly responseHeadersToRemove: readonly string[];
}

/** Changes the request's headers in place. */
export function changeRequest(headers: Headers, scopes: readonly HeaderLists[], passage: Passage): void {
  for (const { requestHeadersToAdd, requestHeadersToRemove } of scopes) {
    for (const name of requestHeadersToRemove) {
      if (!headers.has(headerName(name)) && headers.doubt?.holds(`header ${headerName(name)}`) === true)
        passage.removed.add(headerName(name));
      headers.delete(headerName(name));
    }
    // What a list says is worked out before any of it is done.
    const before = new Map(headers);
    for (const option of settersFirst(requestHeadersToAdd)) applyOption(headers, option, passage, before);
  }
}

/** As Envoy goes through a list. */
const settersFirst = (options: readonly HeaderValueOption[]): HeaderValueOption[] => {
  const sets = ({ append, appendAction }: HeaderValueOption) => actionOf(append, appendAction).startsWith('set');
  return [...options.filter(sets), ...options.filter((option) => !sets(option))];
};

/** `before`: the headers that its value, and whether it is for them, are worked out from. */
export function applyOption(
  headers: Headers,
  { header, append, appendAction, keepEmptyValue }: HeaderValueOption,
  passage: Passage,
  before: Headers = headers,
): void {
  if (header === undefined) return;
  const name = headerName(header.key);
  const raw = header.value === '' && header.rawValue.length > 0 ? new TextDecoder().decode(header.rawValue) : header.value;
  const value = formatted(raw, passage, before);
  if (value === '' && !keepEmptyValue) return;
  const old = headers.get(name);
  switch (actionOf(append, appendAction)) {
    case 'add':
      headers.set(name, [...(old ?? []), value]);
      return;
    case 'add if absent':
      if (!before.has(name)) headers.set(name, [...(old ?? []), value]);
      return;
    case 'set if present':
      if (before.has(name)) headers.set(name, [value]);
      return;
    default:
      headers.set(name, [value]);
  }
}

function actionOf(append: boolean | undefined, action: HeaderValueOption_HeaderAppendAction): HeaderChange['change'] {
  // The older field counts where it is there.
  if (append !== undefined) return append ? 'add' : 'set';
  switch (action) {
    case HeaderValueOption_HeaderAppendAction.ADD_IF_ABSENT:
      return 'add if absent';
    case HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD:
      return 'set';
    case HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS:
      return 'set if present';
    default:
      return 'add';
  }
}

/** By what a value may be worked out: the request as it left, or nothing. */
interface Values {
  readonly headers: Headers;
  readonly passage: Passage;
}

/** What happens to the response's headers, in order; what the request does not tell, or all without one, stays as it is written. */
export function responseChanges(scopes: readonly HeaderLists[], request?: Values): HeaderChange[] {
  return scopes.flatMap(({ responseHeadersToAdd, responseHeadersToRemove }) => [
    ...responseHeadersToRemove.map(removal),
    ...settersFirst(responseHeadersToAdd).flatMap((option) => addition(option, request)),
  ]);
}

export const removal = (name: string): HeaderChange => ({ change: 'remove', name: name.toLowerCase(), value: '' });

export function addition({ header, append, appendAction, keepEmptyValue }: HeaderValueOption, request?: Values): HeaderChange[] {
  if (header === undefined) return [];
  const value = request === undefined ? header.value : formatted(header.value, request.passage, request.headers);
  if (value === '' && !keepEmptyValue) return [];
  return [{ change: actionOf(append, appendAction), name: header.key.toLowerCase(), value }];
}

type NamedValue = readonly [name: string, value: string];

/** Headers of an answer after changes. */
export function changed(headers: readonly NamedValue[], changes: readonly HeaderChange[]): readonly NamedValue[] {
  return changes.reduce<readonly NamedValue[]>((now, { change, name, value }) => {
    const isThere = now.some(([each]) => each === name);
    const added: NamedValue = [name, value];
    switch (change) {
      case 'add':
        return [...now, added];
      case 'add if absent':
        return isThere ? now : [...now, added];
      case 'set if present':
        return isThere ? [...now.filter(([each]) => each !== name), added] : now;
      case 'set':
        return [...now.filter(([each]) => each !== name), added];
      case 'remove':
        return now.filter(([each]) => each !== name);
    }
  }, headers);
}

/** How a request's headers differ from what they were, in words. */
export function differences(before: Headers, after: Headers): string[] {
  const told: string[] = [];
  for (const [name, values] of after) {
    const old = before.get(name);
    if (name.startsWith(':') || old?.join('\n') === values.join('\n')) continue;
    told.push(
      old === undefined ? `header ${name}: ${values.join(', ')} is added` : `header ${name} becomes ${values.join(', ')}`,
    );
  }
  // What the proxy told itself is nobody's business.
  for (const name of before.keys()) if (!after.has(name) && name !== clusterHeader) told.push(`header ${name} is removed`);
  return told;
}

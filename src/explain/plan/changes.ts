// Everything that is another in what one proxy is given: resource by resource, in the order in which requests meet them.

import type { Resource } from '../../compile/resource.ts';
import { connectionChanges } from './connections.ts';
import { destinationChanges } from './destinations.ts';
import { endpointChanges } from './endpoints.ts';
import { clusterWords } from './names.ts';
import type { Change } from './plan.ts';
import { requestChanges, type Words } from './requests.ts';
import { parts, type ProxyState } from './snapshot.ts';

type Compared = (name: string, before: Resource | undefined, after: Resource | undefined) => readonly Change[];

/** Compares states of proxies; what several have the same of is compared once. */
export function comparer(words: Words): (before: ProxyState, after: ProxyState) => readonly Change[] {
  const compare: Readonly<Record<keyof ProxyState, Compared>> = {
    listeners: once((name, before, after) => connectionChanges(name, before, after, words)),
    routes: once((_name, before, after) => requestChanges(before, after, words)),
    clusters: once((name, before, after) => destinationChanges(name, before, after, words)),
    endpoints: once(endpointChanges),
    secrets: once(secretChange),
  };
  return (before, after) => {
    const all = parts.flatMap((part) => changesOf(before[part], after[part], compare[part]));
    // Who serves a destination that comes or goes is no news of its own.
    const whole = new Set(
      all.filter(({ part, change }) => part === 'destination' && change !== 'changed').map(({ subject }) => subject),
    );
    return all.filter(({ part, subject }) => part !== 'endpoints' || !whole.has(subject));
  };
}

function changesOf(before: ReadonlyMap<string, Resource>, after: ReadonlyMap<string, Resource>, compare: Compared): Change[] {
  if (before === after) return [];
  const changes: Change[] = [];
  for (const [name, is] of after) {
    const was = before.get(name);
    if (was?.version !== is.version) changes.push(...compare(name, was, is));
  }
  for (const [name, was] of before) if (!after.has(name)) changes.push(...compare(name, was, undefined));
  return changes;
}

function once(compare: Compared): Compared {
  const known = new Map<string, readonly Change[]>();
  return (name, before, after) => {
    const key = `${name}\n${before?.version} ${after?.version}`;
    let changes = known.get(key);
    if (changes === undefined) known.set(key, (changes = compare(name, before, after)));
    return changes;
  };
}

/** What a secret holds is nobody's to read. */
function secretChange(name: string, before: Resource | undefined, after: Resource | undefined): Change[] {
  const change = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  const sign = change === 'added' ? '+' : change === 'removed' ? '-' : '~';
  const text = change === 'changed' ? 'another certificate, key or trust' : 'a certificate or trust';
  return [{ part: 'secret', subject: clusterWords(name), change, lines: [{ sign, text, origins: [] }] }];
}

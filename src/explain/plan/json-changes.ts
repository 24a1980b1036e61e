// The fields in which two messages differ, by their paths: what `plan` says where it has no better words, so that no change is silent.

import type { JsonValue } from '@bufbuild/protobuf';

export interface FieldChange {
  /** `circuitBreakers.thresholds[0].maxConnections`. */
  readonly path: string;
  readonly before: JsonValue | undefined;
  readonly after: JsonValue | undefined;
}

/** Items of lists that have names are compared by name, others by place. */
export function changedFields(before: JsonValue | undefined, after: JsonValue | undefined, path = ''): FieldChange[] {
  if (before === after) return [];
  if (isObject(before) && isObject(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => changedFields(before[key], after[key], path === '' ? key : `${path}.${key}`));
  }
  if (Array.isArray(before) && Array.isArray(after)) return changedItems(before, after, path);
  return [{ path, before, after }];
}

function changedItems(before: readonly JsonValue[], after: readonly JsonValue[], path: string): FieldChange[] {
  const [was, is] = [byName(before), byName(after)];
  if (was !== undefined && is !== undefined) {
    const names = new Set([...was.keys(), ...is.keys()]);
    return [...names].flatMap((name) => changedFields(was.get(name), is.get(name), `${path}[${name}]`));
  }
  const length = Math.max(before.length, after.length);
  return Array.from({ length }, (_, index) => changedFields(before[index], after[index], `${path}[${index}]`)).flat();
}

/** Undefined where an item has no name; the second of a name is told apart by its number. */
function byName(items: readonly JsonValue[]): Map<string, JsonValue> | undefined {
  const named = new Map<string, JsonValue>();
  for (const item of items) {
    const name = isObject(item) ? (item['name'] ?? item['key']) : undefined;
    if (typeof name !== 'string') return undefined;
    let key = name;
    for (let again = 2; named.has(key); again++) key = `${name} ${again}`;
    named.set(key, item);
  }
  return named;
}

export const isObject = (value: JsonValue | undefined): value is { [key: string]: JsonValue } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Long values are cut: what matters is where they are. */
export function valueText(value: JsonValue | undefined): string {
  if (value === undefined) return 'none';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > mostShown ? `${text.slice(0, mostShown)}…` : text;
}

const mostShown = 100;

export const fieldText = ({ path, before, after }: FieldChange): string => `${path} ${valueText(before)} → ${valueText(after)}`;

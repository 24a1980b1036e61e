// Where a piece of configuration came from, written into Envoy's metadata: the object and field, never a version or a time,
// so that the bytes stay the same while the meaning does.

import { createHash } from 'node:crypto';
import type { JsonObject } from '@bufbuild/protobuf';
import { pathText, refOf, refText, type ApiObject, type Path } from '../api/object.ts';
import { configPath } from './names.ts';
import type { Cause } from './resource.ts';

/** The filter-metadata key of everything that Lateen says about origins. */
export const originKey = 'lateen';

export const cause = (object: ApiObject<unknown>, path: Path = []): Cause => ({ object: refOf(object), path });

/** `VirtualService/default/reviews#spec.http[0]`. */
export const originText = (object: ApiObject<unknown>, path: Path): string =>
  path.length === 0 ? refText(refOf(object)) : `${refText(refOf(object))}#${pathText(path)}`;

/** Metadata that names an object and field, beside Istio's own `config` path, which names the object that has the hosts. */
export function originMetadata(
  object: ApiObject<unknown>,
  path: Path,
  config: ApiObject<unknown> = object,
): { filterMetadata: Record<string, JsonObject> } {
  return { filterMetadata: { istio: { config: configPath(config) }, [originKey]: { source: originText(object, path) } } };
}

/**
 * A path that stays what it is when items come before it or go: a place in a list is told by the content of what stands there, less
 * the field that the path goes on to, or by the name of its port, which no other has. `spec.tls[1].match[0]` →
 * `spec.tls[~5a0c9e31].match[~e2d40b77]`, `spec.servers[2]` → `spec.servers[~https-shop]`. For what Envoy knows by all of its bytes,
 * origins among them, and would drain for another place.
 */
export function contentPath(object: ApiObject<unknown>, path: Path): Path {
  let value: unknown = object.body;
  return path.map((step, index) => {
    value = childOf(value, step);
    return typeof step === 'number' ? contentOf(value, path[index + 1]) : step;
  });
}

/** What `contentPath` was made of; as far as lists, where the object is not known or has no such item any more. */
export function indexPath(object: ApiObject<unknown> | undefined, path: Path): Path {
  const first = path.findIndex(isContent);
  if (first < 0) return path;
  return (object && found(object.body, path)) ?? path.slice(0, first);
}

const isContent = (step: Path[number]): step is string => typeof step === 'string' && step.startsWith('~');

function found(value: unknown, [step, ...rest]: Path): Path | undefined {
  if (step === undefined) return [];
  const places = isContent(step)
    ? (Array.isArray(value) ? value : []).flatMap((item, place) => (contentOf(item, rest[0]) === step ? [place] : []))
    : [step];
  for (const place of places) {
    const inside = found(childOf(value, place), rest);
    if (inside !== undefined) return [place, ...inside];
  }
  return undefined;
}

function contentOf(item: unknown, without: Path[number] | undefined): string {
  const port = childOf(childOf(item, 'port'), 'name');
  if (typeof port === 'string' && /^[\w-]+$/.test(port)) return `~${port}`;
  const text = JSON.stringify(item, (key, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const fields = Object.entries(value).filter(([name]) => key !== '' || value !== item || name !== without);
    return Object.fromEntries(fields.sort(([left], [right]) => (left < right ? -1 : 1)));
  });
  return `~${createHash('sha256')
    .update(text ?? '')
    .digest('hex')
    .slice(0, 8)}`;
}

const childOf = (value: unknown, step: Path[number]): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string | number, unknown>>)[step] : undefined;

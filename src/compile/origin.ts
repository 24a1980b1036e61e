// Where a piece of configuration came from, written into Envoy's metadata: the object and field, never a version or a time,
// so that the bytes stay the same while the meaning does.

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

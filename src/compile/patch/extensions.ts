// EXTENSION_CONFIG: filters that patches define by name, and put into chains by that name. Istio serves them apart; here they are
// written where they are named, which does the same and needs no stream.

import { clone } from '@bufbuild/protobuf';
import { AnySchema, type Any } from '@bufbuild/protobuf/wkt';
import type { HttpFilter } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { Patch } from './patch.ts';

export type Extensions = ReadonlyMap<string, Any>;

/** By name; of two with one name the later counts: a namespace's own over the root namespace's. */
export function extensionsOf(patches: readonly Patch<'EXTENSION_CONFIG'>[]): Extensions {
  const found = new Map<string, Any>();
  for (const { value } of patches) if (value?.typedConfig !== undefined) found.set(value.name, value.typedConfig);
  return found;
}

/** Puts the configuration that a filter asks for by its name into its place. */
export function discovered(filter: HttpFilter, extensions: Extensions, problem: (text: string) => void): void {
  if (filter.configType.case !== 'configDiscovery') return;
  const config = extensions.get(filter.name) ?? filter.configType.value.defaultConfig;
  if (config === undefined) problem(`the filter ${filter.name} has no configuration: no EXTENSION_CONFIG defines it`);
  else filter.configType = { case: 'typedConfig', value: clone(AnySchema, config) };
}

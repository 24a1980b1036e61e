// The route tables that a listener fetches: patches may bring listeners, and take them away.

import { fromBinary } from '@bufbuild/protobuf';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import { HttpConnectionManagerSchema } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { Resource } from '../resource.ts';
import { messageOf } from './resources.ts';
import { typeName } from './types.ts';

const known = new WeakMap<Resource, readonly string[]>();

export function tablesIn(resource: Resource): readonly string[] {
  let names = known.get(resource);
  if (names === undefined) known.set(resource, (names = read(resource)));
  return names;
}

function read(resource: Resource): string[] {
  const { filterChains, defaultFilterChain } = messageOf(ListenerSchema, resource);
  return [...filterChains, ...(defaultFilterChain ? [defaultFilterChain] : [])]
    .flatMap(({ filters }) => filters)
    .flatMap(({ configType }) => {
      if (configType.case !== 'typedConfig' || typeName(configType.value.typeUrl) !== HttpConnectionManagerSchema.typeName)
        return [];
      const { routeSpecifier } = fromBinary(HttpConnectionManagerSchema, configType.value.value);
      return routeSpecifier.case === 'rds' ? [routeSpecifier.value.routeConfigName] : [];
    });
}

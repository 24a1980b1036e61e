// Virtual hosts: who is meant by a request's host, and the routes for it. Encoded one by one, so that a table is made of shared
// pieces and a changed rule costs its own host alone.

import { create, toBinary } from '@bufbuild/protobuf';
import { VirtualHostSchema } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { ApiObject } from '../../api/object.ts';
import type { Init } from '../../filters/any.ts';
import { versionOf, type Cause } from '../resource.ts';
import { originKey, originText } from '../origin.ts';

export interface VirtualHostPiece {
  readonly name: string;
  readonly domains: readonly string[];
  readonly version: string;
  readonly bytes: Uint8Array;
  readonly causes: readonly Cause[];
}

type VirtualHostInit = Init<typeof VirtualHostSchema>;

export function virtualHostPiece(
  init: VirtualHostInit & { name: string; domains: string[] },
  causes: readonly Cause[],
): VirtualHostPiece {
  const bytes = toBinary(VirtualHostSchema, create(VirtualHostSchema, init));
  return { name: init.name, domains: init.domains, version: versionOf(bytes), bytes, causes };
}

/** Metadata that names the object a virtual host stands for. */
export const hostOrigin = (object: ApiObject<unknown>) => ({
  filterMetadata: { [originKey]: { source: originText(object, []) } },
});

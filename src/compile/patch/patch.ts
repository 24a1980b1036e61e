// One patch of an EnvoyFilter, read: what it is applied to, where, how, and the message that its value is. An EnvoyFilter is read
// once, for all proxies that it selects.

import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { BootstrapSchema } from '../../../gen/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { TypedExtensionConfigSchema } from '../../../gen/envoy/config/core/v3/extension_pb.js';
import {
  FilterChainSchema,
  FilterSchema,
  ListenerFilterSchema,
} from '../../../gen/envoy/config/listener/v3/listener_components_pb.js';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.js';
import { RouteSchema, VirtualHostSchema } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { HttpFilterSchema } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { diagnose, type Diagnostic } from '../../api/diagnostic.ts';
import type { EnvoyConfigObjectPatch, EnvoyFilter } from '../../api/envoy-filter.ts';
import type { ApiObject, Path } from '../../api/object.ts';
import { readValue } from './value.ts';

/** What each patch is of. */
export const patched = {
  LISTENER: ListenerSchema,
  LISTENER_FILTER: ListenerFilterSchema,
  FILTER_CHAIN: FilterChainSchema,
  NETWORK_FILTER: FilterSchema,
  HTTP_FILTER: HttpFilterSchema,
  ROUTE_CONFIGURATION: RouteConfigurationSchema,
  VIRTUAL_HOST: VirtualHostSchema,
  HTTP_ROUTE: RouteSchema,
  CLUSTER: ClusterSchema,
  EXTENSION_CONFIG: TypedExtensionConfigSchema,
  BOOTSTRAP: BootstrapSchema,
} as const satisfies Record<string, DescMessage>;

export type ApplyTo = keyof typeof patched;
export type PatchedMessage<To extends ApplyTo> = MessageShape<(typeof patched)[To]>;

type Match = NonNullable<EnvoyConfigObjectPatch['match']>;
export type Context = 'SIDECAR_INBOUND' | 'SIDECAR_OUTBOUND' | 'GATEWAY';
export type FilterClass = 'AUTHN' | 'AUTHZ' | 'STATS';
export type Operation = Exclude<NonNullable<NonNullable<EnvoyConfigObjectPatch['patch']>['operation']>, 'INVALID'>;

export interface Patch<To extends ApplyTo = ApplyTo> {
  readonly object: ApiObject<EnvoyFilter>;
  /** Of the entry of `configPatches`. */
  readonly path: Path;
  readonly applyTo: To;
  readonly operation: Operation;
  /** Where an added filter stands among Istio's own; undefined: at the end. */
  readonly filterClass: FilterClass | undefined;
  readonly match: Match;
  /** Absent where the operation needs none. Shared: never changed. */
  readonly value: PatchedMessage<To> | undefined;
}

interface ReadFilter {
  readonly patches: readonly Patch[];
  readonly diagnostics: readonly Diagnostic[];
}

const known = new WeakMap<ApiObject<EnvoyFilter>, ReadFilter>();

/** The patches of an EnvoyFilter that say something to stock Envoy, and what is wrong with the others. */
export function readFilter(object: ApiObject<EnvoyFilter>): ReadFilter {
  let read = known.get(object);
  if (read === undefined) known.set(object, (read = readPatches(object)));
  return read;
}

function readPatches(object: ApiObject<EnvoyFilter>): ReadFilter {
  const patches: Patch[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const [index, entry] of (object.body.spec.configPatches ?? []).entries()) {
    const path = ['spec', 'configPatches', index];
    const patch = readPatch(object, path, entry, diagnostics);
    if (patch !== undefined) patches.push(patch);
  }
  return { patches, diagnostics };
}

const merges = ['MERGE', 'MERGE_AND_REPLACE_LIST'] as const;
const inserts = ['ADD', 'INSERT_FIRST', 'INSERT_BEFORE', 'INSERT_AFTER'] as const;

/** What can be done to each. */
const operations: Readonly<Record<ApplyTo, readonly Operation[]>> = {
  LISTENER: [...merges, 'ADD', 'REMOVE'],
  LISTENER_FILTER: [...merges, ...inserts, 'REPLACE', 'REMOVE'],
  FILTER_CHAIN: [...merges, 'ADD', 'REMOVE'],
  NETWORK_FILTER: [...merges, ...inserts, 'REPLACE', 'REMOVE'],
  HTTP_FILTER: [...merges, ...inserts, 'REPLACE', 'REMOVE'],
  ROUTE_CONFIGURATION: merges,
  VIRTUAL_HOST: [...merges, 'ADD', 'REPLACE', 'REMOVE'],
  HTTP_ROUTE: [...merges, ...inserts, 'REMOVE'],
  CLUSTER: [...merges, 'ADD', 'REMOVE'],
  EXTENSION_CONFIG: ['ADD', 'REPLACE'],
  BOOTSTRAP: merges,
};

/** Where order says nothing, an insertion is an addition. */
const ordered: readonly ApplyTo[] = ['LISTENER_FILTER', 'NETWORK_FILTER', 'HTTP_FILTER', 'HTTP_ROUTE'];

function readPatch(
  object: ApiObject<EnvoyFilter>,
  path: Path,
  { applyTo = 'INVALID', match = {}, patch = {} }: EnvoyConfigObjectPatch,
  diagnostics: Diagnostic[],
): Patch | undefined {
  const { operation = 'INVALID', value, filterClass = 'UNSPECIFIED' } = patch;
  if (applyTo === 'INVALID' || operation === 'INVALID') return undefined;
  const adds = operation.startsWith('INSERT_') && !ordered.includes(applyTo);
  const made = {
    object,
    path,
    applyTo,
    operation: adds ? 'ADD' : operation,
    match,
    filterClass: filterClass === 'UNSPECIFIED' ? undefined : filterClass,
  } as const;
  const idle = idleReason(made);
  if (idle !== undefined) {
    diagnostics.push(diagnose(object, path, idle));
    return undefined;
  }
  if (operation === 'REMOVE') return { ...made, value: undefined };
  const read = readValue(patched[applyTo], value ?? {});
  const place = [...path, 'patch', 'value'];
  if ('problem' in read) {
    diagnostics.push(diagnose(object, place, unusable(read)));
    return undefined;
  }
  if (read.ignored !== undefined) {
    diagnostics.push(
      diagnose(object, place, {
        code: 'LAT1616',
        severity: 'warning',
        message: `part of the value is left out: ${read.ignored}`,
        help: "write the fields of Envoy's v3 API",
      }),
    );
  }
  return { ...made, value: read.message as PatchedMessage<ApplyTo> };
}

type Idle = Pick<Diagnostic, 'code' | 'severity' | 'message' | 'help'>;

/** Why a patch does nothing, whatever its value. */
function idleReason({ applyTo, operation, match }: Omit<Patch, 'value'>): Idle | undefined {
  if (match.context === 'WAYPOINT') {
    const message = 'there are no waypoints yet, so there is nothing to patch in the context WAYPOINT';
    return { code: 'LAT0001', severity: 'info', message, help: 'nothing to do; a later version of Lateen acts on it' };
  }
  if (!operations[applyTo].includes(operation)) {
    const message = `${operation} does nothing to ${applyTo}`;
    return { code: 'LAT1619', severity: 'warning', message, help: `use one of ${operations[applyTo].join(', ')}` };
  }
  const named = {
    LISTENER_FILTER: match.listener?.listenerFilter,
    NETWORK_FILTER: match.listener?.filterChain?.filter,
    HTTP_FILTER: match.listener?.filterChain?.filter?.subFilter,
  }[applyTo as string];
  const isFilter = applyTo === 'LISTENER_FILTER' || applyTo === 'NETWORK_FILTER' || applyTo === 'HTTP_FILTER';
  if (!isFilter || named || (operation !== 'REMOVE' && operation !== 'REPLACE')) return undefined;
  const message = `${operation} of a filter that is not named does nothing`;
  return { code: 'LAT1619', severity: 'warning', message, help: 'name the filter in match' };
}

function unusable({ problem, unknownType }: { readonly problem: string; readonly unknownType: string | undefined }) {
  const severity = 'error' as const;
  if (unknownType === undefined) {
    const message = `the patch is left out, its value does not fit: ${problem}`;
    return { code: 'LAT1615', severity, message, help: "write the value as Envoy's v3 API has it" } as const;
  }
  const help = /^(istio|io\.istio|stats)\b/.test(unknownType)
    ? "it is of Istio's own proxy; use what stock Envoy has"
    : "use a v3 type of Envoy's API that the stock build holds";
  return { code: 'LAT1617', severity, message: `the patch is left out: ${problem}`, help } as const;
}

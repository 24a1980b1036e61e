// Why a request went as it did: its records, what the control plane knows of what they name, and where in which file that stands.

import { fromBinary } from '@bufbuild/protobuf';
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.js';
import { pathText, refText, type ObjectRef } from '../../api/object.ts';
import { meshOf } from '../../compile/compile.ts';
import type { Configuration } from '../../compile/configuration.ts';
import { passthroughCluster } from '../../compile/names.ts';
import { originKey } from '../../compile/origin.ts';
import type { Cause as ResourceCause, Resource } from '../../compile/resource.ts';
import { locateIn, stepOrigin } from '../../explain/origins.ts';
import type { Store } from '../../store/store.ts';
import { causeOf } from '../../telemetry/cause.ts';
import { joinRecords, requestKey, type Exchange } from '../../telemetry/join.ts';
import type { RecordSource } from '../../telemetry/record-book.ts';
import type { AccessRecord } from '../../telemetry/record.ts';
import { rowOf } from '../../telemetry/request-row.ts';
import type { Known, OriginName } from '../../telemetry/scene.ts';
import { stepsOf } from '../../telemetry/steps.ts';
import type { DistributionParts } from './distribution.ts';
import { consideredRules } from './considered.ts';
import type { HappenedAnswer } from './contract.ts';
import { withHost } from './dialled-service.ts';
import { objectsOf } from './mesh.ts';
import { ApiError } from './refusal.ts';

type HappenedParts = Pick<DistributionParts, 'store' | 'distribution' | 'compiler'>;

/** `id`: a request's, or the beginning that only one has. Every hop of it, the first one first. */
export function happened(id: string, source: RecordSource, parts: HappenedParts): HappenedAnswer {
  const wanted = requestKey(id.toLowerCase());
  const mesh = meshOf(parts.store).peek();
  const found = joinRecords(recordsOf(id, source))
    .filter((exchange) => requestKey(exchange.id.toLowerCase()).startsWith(wanted))
    .map((exchange) => withHost(exchange, mesh));
  const ids = [...new Set(found.map((exchange) => exchange.id))];
  if (new Set(ids.map(requestKey)).size > 1) {
    throw new ApiError(409, `${ids.length} requests begin with ${id}`, `one of ${ids.slice(0, 5).join(', ')}: write more of it`);
  }
  if (found.length === 0) {
    throw new ApiError(
      404,
      `no request ${id} is known`,
      `lateen requests lists those that are; the oldest are given up, what failed last${source.unrecorded().length === 0 ? '' : '. Some proxies have more to do than they record of what goes well'}`,
    );
  }
  const locate = locateIn(objectsOf(parts.store));
  return {
    hops: found.map((exchange) => {
      const known = knownOf(exchange, parts);
      const cause = causeOf(exchange, known);
      const placed = (origins: readonly OriginName[]) => origins.map(({ object, path }) => stepOrigin(object, path, locate));
      return {
        row: rowOf(exchange),
        steps: stepsOf(exchange, known.cluster).map(({ text, origins }) => ({ text, origins: placed(origins) })),
        ...(cause && { cause: { ...cause, origins: placed(cause.origins) } }),
      };
    }),
  };
}

/** Ids that are of no header: they stand in no record. */
const madeHere = /^(?:tcp|http)-/;
/** Of an id of 36 characters. */
const beforeTraceReason = 14;

/** Without reading all that there is: the records that have the id, and refusals that a caller of these may have met. */
export function recordsOf(id: string, source: RecordSource): readonly AccessRecord[] {
  if (madeHere.test(id)) return [...source.recent()];
  const told = [...source.recent(id.slice(0, beforeTraceReason))];
  const callers = new Set(
    told.map(({ upstreamLocal }) => upstreamLocal.replace(/:\d+$/, '')).filter((address) => address !== ''),
  );
  const refusals = [...callers].flatMap((address) => [...source.recent(address)].filter(({ kind }) => kind === 'refused'));
  return [...told.filter(({ kind }) => kind !== 'refused'), ...refusals];
}

function knownOf({ caller, destination }: Exchange, parts: HappenedParts): Known {
  const [from, to] = [configurationOf(caller, parts), configurationOf(destination, parts)];
  // A gateway refuses what its own record tells of, as a caller's.
  const denier = [destination, caller].find((record) => record !== undefined && deniedByPolicy(record));
  const denying = denier === caller ? from : to;
  const of = (kind: string, configuration = to, listener = 'virtualInbound') =>
    (configuration?.listeners.peek().get(listener)?.causes ?? []).filter(({ object }) => object.kind === kind);
  return {
    cluster: caller === undefined ? [] : clusterOrigins(caller.cluster, from),
    undeclared: caller !== undefined && isUndeclared(caller.cluster, from),
    rules: caller === undefined ? [] : hostRules(caller.virtualHost, from),
    endpoints: caller === undefined ? undefined : endpointCount(caller.cluster, from),
    allowing: names(of('AuthorizationPolicy', denying, denier?.listener).filter(({ object }) => allows(object, parts.store))),
    considered: denier === undefined ? [] : consideredRules(denier, denying),
    authentication: names(of('PeerAuthentication')),
  };
}

const deniedByPolicy = ({ details, termination }: AccessRecord): boolean =>
  [details, termination].some((text) => text.startsWith('rbac_access_denied'));

/** As it is now: the proxy of a pod that has ended has none. */
function configurationOf(record: AccessRecord | undefined, { distribution, compiler }: HappenedParts): Configuration | undefined {
  if (record === undefined) return undefined;
  const { pod, namespace } = record.writer;
  const proxy = distribution.list().find(({ node }) => node.name === `${pod}.${namespace}`);
  try {
    return proxy && compiler.configurationFor(proxy.node).peek();
  } catch {
    // What cannot be computed is said where it is served.
    return undefined;
  }
}

/** On demand each host that is called has a cluster of its name, which nothing has caused where nobody declared the host. */
const isUndeclared = (name: string, configuration: Configuration | undefined): boolean =>
  name === passthroughCluster || configuration?.called?.(name).peek().causes.length === 0;

const clusterNamed = (name: string, configuration: Configuration): Resource | undefined =>
  configuration.clusters.peek().get(name) ?? configuration.called?.(name).peek();

const clusterOrigins = (name: string, configuration: Configuration | undefined): OriginName[] =>
  configuration === undefined || name === '' ? [] : names(clusterNamed(name, configuration)?.causes ?? []);

/** The objects that have rules for a virtual host. */
function hostRules(name: string, configuration: Configuration | undefined): OriginName[] {
  if (configuration === undefined || name === '') return [];
  for (const table of configuration.routeNames.peek()) {
    const found = configuration.route(table).peek();
    const host = found && fromBinary(RouteConfigurationSchema, found.bytes).virtualHosts.find((each) => each.name === name);
    if (host === undefined) continue;
    const sources = host.routes.flatMap(({ metadata }) => {
      const source = metadata?.filterMetadata[originKey]?.['source'];
      return typeof source === 'string' ? [source.split('#')[0] ?? ''] : [];
    });
    return [...new Set(sources)].map((object) => ({ object, path: '' }));
  }
  return [];
}

function endpointCount(name: string, configuration: Configuration | undefined): number | undefined {
  const cluster = name === '' ? undefined : configuration && clusterNamed(name, configuration);
  if (cluster === undefined) return undefined;
  // A cluster that is named by an address has the endpoints of the service.
  const { edsClusterConfig } = fromBinary(ClusterSchema, cluster.bytes);
  const found = configuration?.endpoints(edsClusterConfig?.serviceName || name).peek();
  if (found === undefined) return undefined;
  const { endpoints } = fromBinary(ClusterLoadAssignmentSchema, found.bytes);
  return endpoints.reduce((sum, { lbEndpoints }) => sum + lbEndpoints.length, 0);
}

const allows = (object: ObjectRef, store: Store): boolean => {
  const { spec } = (store.get(object)?.body ?? {}) as { spec?: { action?: string } };
  return (spec?.action ?? 'ALLOW') === 'ALLOW';
};

const names = (causes: readonly ResourceCause[]): OriginName[] =>
  causes.map(({ object, path }) => ({ object: refText(object), path: pathText(path) }));

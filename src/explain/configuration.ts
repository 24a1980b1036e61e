// The configuration of one proxy as Envoy holds it, decoded when it is looked at: what explain reads, wherever it came from.

import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { ClusterSchema, type Cluster } from '../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema, type ClusterLoadAssignment } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema, type Listener } from '../../gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema, type RouteConfiguration } from '../../gen/envoy/config/route/v3/route_pb.js';
import type { Compiled } from '../compile/compile.ts';
import type { Configuration } from '../compile/configuration.ts';
import type { Resource } from '../compile/resource.ts';

export interface ProxyConfiguration {
  readonly listeners: readonly Listener[];
  /** A route table with all its virtual hosts, those that came one by one too. */
  readonly route: (name: string) => RouteConfiguration | undefined;
  /** Also one that comes when it is first called. */
  readonly cluster: (name: string) => Cluster | undefined;
  /** By the name that an EDS cluster asks for. */
  readonly endpoints: (name: string) => ClusterLoadAssignment | undefined;
  readonly clusterNames: () => readonly string[];
  readonly routeNames: () => readonly string[];
  /** The configuration of a filter that came by itself (ECDS). */
  readonly extension?: (name: string) => Any | undefined;
  /** What a proxy on demand has not called yet is not at hand. */
  readonly onlyCalled?: boolean;
  /** Of what is not at hand it cannot be said that the proxy does not have it. */
  readonly partial?: boolean;
  /** Whose it is, where the configuration says that itself. */
  readonly proxy?: DumpedProxy;
  /** What of the proxy could not be read, in whole sentences. */
  readonly missing: readonly string[];
}

export interface DumpedProxy {
  /** `sidecar`, `router`, `waypoint`, … */
  readonly role: string;
  readonly address: string;
  /** `reviews-v1-5d.default`. */
  readonly name: string;
  /** Istio's; empty where it is not said. */
  readonly version: string;
}

const messages = new WeakMap<Resource, unknown>();

/** A compiled resource as a message; each is decoded once, however many proxies share it. */
function decoded<Desc extends DescMessage>(schema: Desc, resource: Resource | undefined): MessageShape<Desc> | undefined {
  if (resource === undefined) return undefined;
  const known = messages.get(resource) as MessageShape<Desc> | undefined;
  if (known !== undefined) return known;
  const message = fromBinary(schema, resource.bytes);
  messages.set(resource, message);
  return message;
}

const present = <Value>(value: Value | undefined): readonly Value[] => (value === undefined ? [] : [value]);

/** What `compileProxy` gave. With delivery on demand, `whole` is the same proxy's eager form: what it would be sent when it asks. */
export function compiledConfiguration(compiled: Compiled, whole?: Compiled): ProxyConfiguration {
  const byName = (part: 'routes' | 'clusters' | 'endpoints') =>
    new Map([...(whole?.[part] ?? []), ...compiled[part]].map((each) => [each.name, each]));
  const [routes, clusters, endpoints] = [byName('routes'), byName('clusters'), byName('endpoints')];
  let listeners: readonly Listener[] | undefined;
  return {
    get listeners() {
      return (listeners ??= compiled.listeners.flatMap((each) => present(decoded(ListenerSchema, each))));
    },
    route: (name) => decoded(RouteConfigurationSchema, routes.get(name)),
    cluster: (name) => decoded(ClusterSchema, clusters.get(name)),
    endpoints: (name) => decoded(ClusterLoadAssignmentSchema, endpoints.get(name)),
    clusterNames: () => [...clusters.keys()],
    routeNames: () => [...routes.keys()],
    missing: [],
  };
}

/** A live configuration: only what a request touches is compiled. It stays true while objects change, but for its listeners. */
export function liveConfiguration(configuration: Configuration): ProxyConfiguration {
  let listeners: readonly Listener[] | undefined;
  return {
    get listeners() {
      return (listeners ??= [...configuration.listeners.value.values()].flatMap((each) =>
        present(decoded(ListenerSchema, each)),
      ));
    },
    route: (name) => decoded(RouteConfigurationSchema, configuration.route(name).value),
    cluster: (name) => decoded(ClusterSchema, configuration.clusters.value.get(name) ?? configuration.called?.(name).value),
    endpoints: (name) => decoded(ClusterLoadAssignmentSchema, configuration.endpoints(name).value),
    clusterNames: () => [...configuration.clusters.value.keys()],
    routeNames: () => configuration.routeNames.value,
    missing: [],
  };
}

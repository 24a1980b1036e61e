// A compiled proxy made to run on loopback in one piece: everything it would fetch put in its place, its doors at ports of a test's
// own that read PROXY headers, and an access log that says what it did. What decides about requests stays as it is compiled.

import { fromJson, toBinary, type DescMessage, type JsonObject, type JsonValue, type Registry } from '@bufbuild/protobuf';
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import type { Compiled } from '../../../src/compile/compile.ts';
import type { Resource } from '../../../src/compile/resource.ts';
import { registryFor, typesNamed } from '../../../src/control/message-registry.ts';
import { resourcesJson } from '../../../src/control/resource-json.ts';
import type { Leaf } from '../certificates.ts';
import { resource } from '../xds/fake-compiler.ts';
import { accessLog, generationText } from './access-log.ts';
import type { Ports } from './ports.ts';

export interface Doors {
  readonly outbound: number;
  readonly inbound: number;
  /** Of gateways, and of every port that a proxy opens itself. */
  readonly own: number;
  /** Answers with the generation that is in effect. */
  readonly probe: number;
}

export interface StageOptions {
  readonly generation: number;
  readonly ports: Ports;
  readonly doors: Doors;
  readonly identity: Leaf;
  readonly root: string;
  /** The loopback address that stands for a name of the outside. */
  readonly addressOf: (name: string) => string;
}

export interface Staged {
  readonly listeners: readonly Resource[];
  readonly clusters: readonly Resource[];
}

let known: { readonly names: ReadonlySet<string>; readonly registry: Registry } | undefined;

/** One registry for all configurations: making one takes longer than using it. */
async function registryOf(text: string): Promise<Registry> {
  const names = typesNamed([text]);
  if (known !== undefined && names.isSubsetOf(known.names)) return known.registry;
  const all = new Set([...names, ...(known?.names ?? [])]);
  const registry = await registryFor(all);
  known = { names: all, registry };
  return registry;
}

export async function staged(compiled: Compiled, options: StageOptions): Promise<Staged> {
  const json = options.ports.real(await resourcesJson(compiled));
  const routes = byName(json.routes, 'name');
  const endpoints = byName(json.endpoints, 'clusterName');
  const secrets = byName(json.secrets, 'name');
  const within = (value: JsonValue, listener: string, chain: string): JsonValue => {
    if (Array.isArray(value)) return value.map((each) => within(each, listener, chain));
    if (value === null || typeof value !== 'object') return value;
    const inner = Object.fromEntries(
      Object.entries(value).map(([key, each]) => [
        key,
        key === 'filterChains' ? named(each, (one, index) => within(one, listener, index)) : within(each, listener, chain),
      ]),
    );
    return adapted(inner, { listener, chain, routes, secrets, options });
  };
  const listeners = [
    ...json.listeners.map((each) => {
      const listener = within(each, textOf(each, 'name'), 'default') as JsonObject;
      return listenerOnLoopback(listener, options);
    }),
    ...(json.listeners.some((each) => textOf(each, 'name') === 'virtualOutbound') ? [] : [ownDoor(options)]),
    probe(options),
  ];
  const clusters = json.clusters.map((each) => {
    const cluster = within(each, '', '') as JsonObject;
    return clusterInPlace(cluster, endpoints, options);
  });
  const registry = await registryOf(JSON.stringify([listeners, clusters]));
  const encoded = (schema: DescMessage, value: JsonObject): Resource =>
    resource(textOf(value, 'name'), toBinary(schema, fromJson(schema, value, { registry })));
  return {
    listeners: listeners.map((each) => encoded(ListenerSchema, each)),
    clusters: clusters.map((each) => encoded(ClusterSchema, each)),
  };
}

interface Context {
  readonly listener: string;
  readonly chain: string;
  readonly routes: ReadonlyMap<string, JsonObject>;
  readonly secrets: ReadonlyMap<string, JsonObject>;
  readonly options: StageOptions;
}

/** One message of the tree, with what is inside it adapted already. */
function adapted(value: JsonObject, { listener, chain, routes, secrets, options }: Context): JsonObject {
  const type = typeof value['@type'] === 'string' ? value['@type'] : '';
  if (type.endsWith('.HttpConnectionManager')) {
    const { rds, ...rest } = value;
    const table = rds === undefined ? undefined : (routes.get(textOf(rds, 'routeConfigName')) ?? { virtualHosts: [] });
    return {
      ...rest,
      ...(table && { routeConfig: { ...table, validateClusters: false } }),
      accessLog: accessLog('http', { listener, chain, generation: options.generation }),
    };
  }
  if (type.endsWith('.TcpProxy'))
    return { ...value, accessLog: accessLog('tcp', { listener, chain, generation: options.generation }) };
  if (
    'tlsCertificateSdsSecretConfigs' in value ||
    'validationContextSdsSecretConfig' in value ||
    'combinedValidationContext' in value
  )
    return withSecrets(value, secrets, options);
  return value;
}

const pem = (inlineString: string): JsonObject => ({ inlineString });

/** A TLS context with its secrets inside. */
function withSecrets(value: JsonObject, secrets: Context['secrets'], { identity, root }: StageOptions): JsonObject {
  const { tlsCertificateSdsSecretConfigs: certificates, validationContextSdsSecretConfig: validation, ...rest } = value;
  const combined = rest['combinedValidationContext'] as JsonObject | undefined;
  delete rest['combinedValidationContext'];
  const certificateOf = (config: JsonValue): JsonValue =>
    secrets.get(textOf(config, 'name'))?.['tlsCertificate'] ?? {
      certificateChain: pem(identity.cert),
      privateKey: pem(identity.key),
    };
  const trusted = (config: JsonValue | undefined): JsonObject => ({
    ...(secrets.get(textOf(config ?? {}, 'name'))?.['validationContext'] as JsonObject | undefined),
    trustedCa: pem(root),
  });
  const rules = combined?.['defaultValidationContext'] as JsonObject | undefined;
  const from = validation ?? combined?.['validationContextSdsSecretConfig'];
  return {
    ...rest,
    ...(Array.isArray(certificates) && { tlsCertificates: certificates.map(certificateOf) }),
    ...((from !== undefined || combined !== undefined) && { validationContext: { ...trusted(from), ...rules } }),
  };
}

function listenerOnLoopback(listener: JsonObject, options: StageOptions): JsonObject {
  const name = textOf(listener, 'name');
  const { doors, generation } = options;
  const door = name === 'virtualOutbound' ? doors.outbound : name === 'virtualInbound' ? doors.inbound : undefined;
  const filters = ((listener['listenerFilters'] ?? []) as JsonObject[]).filter(
    ({ name: of }) => of !== 'envoy.filters.listener.original_dst',
  );
  const here = {
    ...listener,
    metadata: { filterMetadata: { generation: { number: generation } } },
    accessLog: accessLog('connection', { listener: name, chain: '', generation }),
  };
  delete (here as JsonObject)['socketOptions'];
  delete (here as JsonObject)['transparent'];
  if (door === undefined) return { ...here, bindToPort: false };
  return { ...here, address: socketAddress('127.0.0.1', door), listenerFilters: [proxyProtocol, ...filters] };
}

/** Hands each connection to the listener of what it was made to; what no listener is for ends here. */
const ownDoor = ({ doors, generation }: StageOptions): JsonObject => ({
  name: 'own door',
  address: socketAddress('127.0.0.1', doors.own),
  useOriginalDst: true,
  listenerFilters: [proxyProtocol],
  filterChains: [{ filters: [], filterChainMatch: { destinationPort: 1 } }],
  metadata: { filterMetadata: { generation: { number: generation } } },
  accessLog: accessLog('connection', { listener: '', chain: '', generation }),
});

/** It comes last, after the listeners that it speaks for. */
export const probeName = '~probe';

const probe = ({ doors, generation }: StageOptions): JsonObject => ({
  name: probeName,
  address: socketAddress('127.0.0.1', doors.probe),
  filterChains: [
    {
      filters: [
        {
          name: 'answer',
          typedConfig: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config',
            response: { inlineString: generationText(generation) },
          },
        },
      ],
    },
  ],
  accessLog: accessLog('connection', { listener: probeName, chain: '', generation }),
});

const proxyProtocol: JsonObject = {
  name: 'envoy.filters.listener.proxy_protocol',
  typedConfig: { '@type': 'type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol' },
};

/** With its endpoints inside, and addresses of this machine for names. */
function clusterInPlace(
  cluster: JsonObject,
  endpoints: ReadonlyMap<string, JsonObject>,
  { addressOf }: StageOptions,
): JsonObject {
  const { edsClusterConfig: eds, ...rest } = cluster;
  if (eds !== undefined) {
    const name = textOf(eds, 'serviceName') || textOf(cluster, 'name');
    return { ...rest, type: 'STATIC', loadAssignment: endpoints.get(name) ?? { clusterName: name } };
  }
  if (cluster['type'] !== 'STRICT_DNS' && cluster['type'] !== 'LOGICAL_DNS') return cluster;
  const resolved = (value: JsonValue): JsonValue => {
    if (Array.isArray(value)) return value.map(resolved);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [
        key,
        key === 'socketAddress' ? { ...(each as JsonObject), address: addressOf(textOf(each, 'address')) } : resolved(each),
      ]),
    );
  };
  const assignment = resolved(rest['loadAssignment'] ?? {});
  for (const key of [
    'dnsRefreshRate',
    'dnsLookupFamily',
    'respectDnsTtl',
    'dnsFailureRefreshRate',
    'dnsJitter',
    'typedDnsResolverConfig',
  ])
    delete rest[key];
  return { ...rest, type: 'STATIC', loadAssignment: assignment };
}

const socketAddress = (address: string, portValue: number): JsonObject => ({ socketAddress: { address, portValue } });

const textOf = (value: JsonValue, key: string): string => {
  const found = value !== null && typeof value === 'object' && !Array.isArray(value) ? value[key] : undefined;
  return typeof found === 'string' ? found : '';
};

const byName = (list: readonly JsonValue[], key: string): ReadonlyMap<string, JsonObject> =>
  new Map(list.map((each) => [textOf(each, key), each as JsonObject]));

/** Each item, with its place as text. */
const named = (list: JsonValue, adapt: (value: JsonValue, index: string) => JsonValue): JsonValue =>
  Array.isArray(list) ? list.map((each, index) => adapt(each, String(index))) : list;

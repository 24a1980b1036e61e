// The real Envoy with nothing but ADS over a Unix socket, and real messages to serve it: one listener, routes, clusters.

import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { create, toBinary, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { Cluster_DiscoveryType, ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import type { ConfigSourceSchema } from '../../../gen/envoy/config/core/v3/config_source_pb.js';
import { ClusterLoadAssignmentSchema } from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.js';
import { RouterSchema } from '../../../gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { HttpConnectionManagerSchema } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { localCluster } from '../../../src/compile/names.ts';
import type { Resource } from '../../../src/compile/resource.ts';
import { findEnvoy } from '../../../src/node/envoy-binary.ts';
import { resource } from './fake-compiler.ts';

const encode = <Schema extends DescMessage>(name: string, schema: Schema, init: MessageInitShape<Schema>): Resource =>
  resource(name, toBinary(schema, create(schema, init)));

const ads = { configSourceSpecifier: { case: 'ads' as const, value: {} }, resourceApiVersion: 2 } satisfies MessageInitShape<
  typeof ConfigSourceSchema
>;

const seconds = (count: number) => ({ seconds: BigInt(count) });

export const edsCluster = (name: string, connectSeconds = 1): Resource =>
  encode(name, ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: ads },
    connectTimeout: seconds(connectSeconds),
  });

export const endpointsOf = (name: string, ...ports: number[]): Resource =>
  encode(name, ClusterLoadAssignmentSchema, {
    clusterName: name,
    endpoints: [
      {
        lbEndpoints: ports.map((port) => ({
          hostIdentifier: { case: 'endpoint' as const, value: { address: socketAddress('127.0.0.1', port) } },
        })),
      },
    ],
  });

const socketAddress = (address: string, port: number) => ({
  address: { case: 'socketAddress' as const, value: { address, portSpecifier: { case: 'portValue' as const, value: port } } },
});

/** All requests to one cluster; a table that is `broken` has a virtual host without domains, which Envoy refuses without a name. */
export const routeTo = (name: string, cluster: string, { broken = false } = {}): Resource =>
  encode(name, RouteConfigurationSchema, {
    name,
    virtualHosts: [
      {
        name: 'all',
        domains: broken ? [] : ['*'],
        routes: [
          {
            match: { pathSpecifier: { case: 'prefix', value: '/' } },
            action: { case: 'route', value: { clusterSpecifier: { case: 'cluster', value: cluster } } },
          },
        ],
      },
    ],
  });

/** An HTTP listener with RDS, on loopback by default; a `broken` one names a filter that Envoy does not have. */
export const httpListener = (
  name: string,
  port: number,
  route: string,
  { prefix = 'test', broken = false, address = '127.0.0.1' } = {},
): Resource =>
  encode(name, ListenerSchema, {
    name,
    address: socketAddress(address, port),
    filterChains: [
      {
        name: 'http',
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            configType: {
              case: 'typedConfig',
              value: anyPack(
                HttpConnectionManagerSchema,
                create(HttpConnectionManagerSchema, {
                  statPrefix: prefix,
                  routeSpecifier: { case: 'rds', value: { configSource: ads, routeConfigName: route } },
                  httpFilters: [
                    {
                      name: broken ? 'no.such.filter' : 'envoy.filters.http.router',
                      configType: broken
                        ? {
                            case: 'typedConfig',
                            value: { typeUrl: 'type.googleapis.com/no.such.Filter', value: new Uint8Array() },
                          }
                        : { case: 'typedConfig', value: anyPack(RouterSchema, create(RouterSchema)) },
                    },
                  ],
                }),
              ),
            },
          },
        ],
      },
    ],
  });

/** A port that is free now. */
export const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

/** GET on loopback; the body, or the status when it is not 200. Connections are kept, as clients do. */
export function get(target: { port: number } | { socketPath: string }, path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', ...target, path }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => void (body += text));
      response.on('end', () => resolve(response.statusCode === 200 ? body : String(response.statusCode)));
      response.on('error', reject);
    });
    call.on('error', reject);
    call.end();
  });
}

export interface RealEnvoy {
  admin(path: string): Promise<string>;
  /** The value of a counter or gauge; 0 when there is none. */
  stat(name: string): Promise<number>;
  [Symbol.asyncDispose](): Promise<void>;
}

const someSidecar = { id: 'sidecar~127.0.0.1~p.a~a.svc.cluster.local', cluster: 'p', metadata: { NAMESPACE: 'a' } };

/** Everything over ADS at `xds`, a Unix socket's path. A node that discovers itself has the cluster for it, as in `src/node/bootstrap.ts`. */
export function adsBootstrap(xds: string, protocol: 'delta' | 'sotw', node: object, patience = '5s'): object {
  const { metadata = {} } = node as { readonly metadata?: object };
  const knowsItself = 'ENABLE_SELF_DISCOVERY' in metadata;
  const source = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: patience };
  const own = { name: localCluster, type: 'EDS', eds_cluster_config: { eds_config: source, service_name: localCluster } };
  return {
    node,
    cluster_manager: {
      ...(knowsItself && { local_cluster_name: localCluster }),
      enable_deferred_cluster_creation: true,
    },
    dynamic_resources: {
      ads_config: {
        api_type: protocol === 'delta' ? 'DELTA_GRPC' : 'GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
      },
      cds_config: source,
      lds_config: source,
    },
    static_resources: {
      clusters: [
        {
          name: 'xds-grpc',
          type: 'STATIC',
          connect_timeout: '1s',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'xds-grpc',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: xds } } } }] }],
          },
        },
        ...(knowsItself ? [own] : []),
      ],
    },
  };
}

/** Starts Envoy with `xds` (a Unix socket's path) as its only source of everything. */
export async function startEnvoy(
  folder: string,
  xds: string,
  protocol: 'delta' | 'sotw',
  node: object = someSidecar,
): Promise<RealEnvoy> {
  return launch(folder, adsBootstrap(xds, protocol, node));
}

/** Starts Envoy with these listeners and clusters, and no source of others. */
export const startStaticEnvoy = (folder: string, resources: object): Promise<RealEnvoy> =>
  launch(folder, { node: { id: 'static', cluster: 'static' }, static_resources: resources });

async function launch(folder: string, config: object): Promise<RealEnvoy> {
  const binary = await findEnvoy();
  const socketPath = join(folder, 'admin');
  const bootstrap = { ...config, admin: { address: { pipe: { path: socketPath } } } };
  const args = ['--config-yaml', JSON.stringify(bootstrap), '--disable-hot-restart', '--concurrency', '1', '--log-level', 'warn'];
  const child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (said = (said + text).slice(-20_000)));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const admin = (path: string) => get({ socketPath }, path);
  const stat = async (name: string) => {
    const line = (await admin(`/stats?filter=^${name.replaceAll('.', '\\.')}$`))
      .split('\n')
      .find((each) => each.startsWith(`${name}: `));
    return line === undefined ? 0 : Number(line.slice(name.length + 2));
  };
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`Envoy ended: ${said}`);
    return (await admin('/ready').catch(() => '')).startsWith('LIVE');
  });
  return {
    admin,
    stat,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Looks again and again until it holds, and fails when it never does. */
export async function until(holds: () => Promise<boolean> | boolean, patienceMs = 30_000): Promise<void> {
  for (const deadline = performance.now() + patienceMs; !(await holds());) {
    if (performance.now() > deadline) throw new Error(`waited ${patienceMs / 1000} s in vain until ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

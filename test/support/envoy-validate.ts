// Asks the real Envoy whether it takes a compiled configuration: everything as a static bootstrap, in validate mode.

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BootstrapSchema } from '../../gen/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { Cluster_DiscoveryType, ClusterSchema, type Cluster } from '../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { ApiConfigSource_ApiType, ApiVersion } from '../../gen/envoy/config/core/v3/config_source_pb.js';
import { ClusterLoadAssignmentSchema } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema, type Listener } from '../../gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '../../gen/envoy/config/route/v3/route_pb.js';
import { HttpConnectionManagerSchema } from '../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { findEnvoy } from '../../src/node/envoy-binary.ts';
import { any } from '../../src/filters/any.ts';
import { httpFilters } from '../../src/filters/index.ts';
import type { Compiled } from '../../src/compile/compile.ts';
import { recordsCluster } from '../../src/compile/listener/access-record.ts';

const agentClusters: Cluster[] = ['xds-grpc', 'sds-grpc', recordsCluster].map((name) =>
  create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout: { seconds: 1n },
    http2ProtocolOptions: {},
    loadAssignment: {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: [
            {
              hostIdentifier: {
                case: 'endpoint',
                value: { address: { address: { case: 'pipe', value: { path: '/nowhere' } } } },
              },
            },
          ],
        },
      ],
    },
  }),
);

/** Tables are checked as the inline routes of a listener of their own: validate mode does not fetch them. */
function tableListener(bytes: Uint8Array, index: number): Listener {
  const routeConfig = fromBinary(RouteConfigurationSchema, bytes);
  const manager = any(HttpConnectionManagerSchema, {
    statPrefix: `table_${index}`,
    routeSpecifier: { case: 'routeConfig', value: routeConfig },
    httpFilters: httpFilters({ role: 'outbound', protocol: 'HTTP', authorization: [] }).map(({ name, config }) => ({
      name,
      configType: { case: 'typedConfig' as const, value: config },
    })),
  });
  return create(ListenerSchema, {
    name: `table-${index}`,
    address: { address: { case: 'pipe', value: { path: `@table-${index}` } } },
    filterChains: [{ filters: [{ name: 'hcm', configType: { case: 'typedConfig', value: manager } }] }],
  });
}

/** Lists of endpoints are checked as those of clusters of their own, which take addresses only, as EDS does. */
const listCluster = (bytes: Uint8Array, index: number): Cluster =>
  create(ClusterSchema, {
    name: `list-${index}`,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout: { seconds: 1n },
    loadAssignment: fromBinary(ClusterLoadAssignmentSchema, bytes),
  });

/** What Envoy says against the configuration; empty when it takes all of it. */
export async function rejectedBy(compiled: Compiled): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'lateen-validate-'));
  try {
    const bootstrap = create(BootstrapSchema, {
      node: { id: 'validate', cluster: 'validate' },
      dynamicResources: {
        adsConfig: {
          apiType: ApiConfigSource_ApiType.DELTA_GRPC,
          transportApiVersion: ApiVersion.V3,
          grpcServices: [{ targetSpecifier: { case: 'envoyGrpc', value: { clusterName: 'xds-grpc' } } }],
        },
      },
      staticResources: {
        clusters: [
          ...agentClusters,
          ...compiled.clusters.map(({ bytes }) => fromBinary(ClusterSchema, bytes)),
          ...compiled.endpoints.map(({ bytes }, index) => listCluster(bytes, index)),
        ],
        listeners: [
          ...compiled.listeners.map(({ bytes }) => fromBinary(ListenerSchema, bytes)),
          ...compiled.routes.map(({ bytes }, index) => tableListener(bytes, index)),
        ],
      },
    });
    const file = join(folder, 'bootstrap.pb');
    writeFileSync(file, toBinary(BootstrapSchema, bootstrap));
    const envoy = await findEnvoy();
    // A real file: an access log that goes to /dev/stdout cannot open a pipe of Node's.
    const said = join(folder, 'said');
    const output = openSync(said, 'w');
    const arguments_ = ['--mode', 'validate', '-c', file, '--disable-hot-restart', '-l', 'error'];
    const run = spawnSync(envoy, arguments_, { stdio: ['ignore', output, output] });
    closeSync(output);
    return run.status === 0 ? '' : readFileSync(said, 'utf8').trim() || `status ${run.status}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

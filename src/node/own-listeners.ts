// The listeners that every proxy has whatever its configuration: readiness on 15021 and Prometheus metrics on 15090.

import { create } from '@bufbuild/protobuf';
import { anyPack, type Any } from '@bufbuild/protobuf/wkt';
import { isIPv6 } from 'node:net';
import { type Address, AddressSchema } from '../../gen/envoy/config/core/v3/address_pb.js';
import { type Listener, ListenerSchema } from '../../gen/envoy/config/listener/v3/listener_pb.js';
import { RouterSchema } from '../../gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import {
  HttpConnectionManager_CodecType,
  HttpConnectionManagerSchema,
} from '../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';

/** Each answers one path, from one path of the admin interface: nothing else of it can be reached from outside. */
const doors = [
  { name: 'readiness', port: 15021, path: '/healthz/ready', adminPath: '/ready' },
  { name: 'metrics', port: 15090, path: '/stats/prometheus', adminPath: '/stats/prometheus' },
] as const;

type Door = (typeof doors)[number];

/** The listeners, on every address of the families that the workload has. */
export function ownListeners(addresses: readonly string[], adminCluster: string): Listener[] {
  const v6 = addresses.some((address) => isIPv6(address));
  const v4 = addresses.length === 0 || addresses.some((address) => !isIPv6(address));
  const [first = '0.0.0.0', second] = [...(v4 ? ['0.0.0.0'] : []), ...(v6 ? ['::'] : [])];
  return doors.map((door) =>
    create(ListenerSchema, {
      name: door.name,
      address: anyAddress(first, door.port),
      additionalAddresses: second === undefined ? [] : [{ address: anyAddress(second, door.port) }],
      // A crowd at the doors must not lock the prober out.
      ignoreGlobalConnLimit: true,
      filterChains: [
        {
          filters: [
            {
              name: 'envoy.filters.network.http_connection_manager',
              configType: { case: 'typedConfig', value: oneRoute(door, adminCluster) },
            },
          ],
        },
      ],
    }),
  );
}

const anyAddress = (address: string, port: number): Address =>
  create(AddressSchema, {
    address: { case: 'socketAddress', value: { address, portSpecifier: { case: 'portValue', value: port } } },
  });

function oneRoute({ name, path, adminPath }: Door, cluster: string): Any {
  const route = {
    match: { pathSpecifier: { case: 'path' as const, value: path } },
    action: {
      case: 'route' as const,
      value: { clusterSpecifier: { case: 'cluster' as const, value: cluster }, prefixRewrite: adminPath },
    },
  };
  const connections = create(HttpConnectionManagerSchema, {
    codecType: HttpConnectionManager_CodecType.AUTO,
    statPrefix: name,
    routeSpecifier: { case: 'routeConfig', value: { name, virtualHosts: [{ name, domains: ['*'], routes: [route] }] } },
    httpFilters: [
      {
        name: 'envoy.filters.http.router',
        configType: { case: 'typedConfig', value: anyPack(RouterSchema, create(RouterSchema)) },
      },
    ],
  });
  return anyPack(HttpConnectionManagerSchema, connections);
}

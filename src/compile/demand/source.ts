// Where a proxy on demand gets clusters when it first calls them, and the virtual hosts of large tables: streams of their own beside
// ADS, so that a cluster that is slow to warm holds up nobody else (envoy-tried.md §2.3), and how long a first request waits for it.

import type { ConfigSourceSchema } from '../../../gen/envoy/config/core/v3/config_source_pb.js';
import { ApiConfigSource_ApiType, ApiVersion } from '../../../gen/envoy/config/core/v3/config_source_pb.js';
import type { Init } from '../../filters/any.ts';
import { duration } from '../../filters/duration.ts';
import { adsSource } from '../tls.ts';

type ConfigSource = Init<typeof ConfigSourceSchema>;

/** As ADS: Envoy's own back-off of up to 30 s would make first calls fail for as long after the control plane is back. */
const soonAgain = { retryBackOff: { baseInterval: duration(200), maxInterval: duration(2000) } };

const ownStream = (metadata: { readonly key: string; readonly value: string }[]): ConfigSource => ({
  configSourceSpecifier: {
    case: 'apiConfigSource',
    value: {
      apiType: ApiConfigSource_ApiType.DELTA_GRPC,
      transportApiVersion: ApiVersion.V3,
      setNodeOnFirstMessageOnly: true,
      grpcServices: [
        {
          targetSpecifier: { case: 'envoyGrpc', value: { clusterName: 'xds-grpc', retryPolicy: soonAgain } },
          initialMetadata: metadata,
        },
      ],
    },
  },
  resourceApiVersion: ApiVersion.V3,
});

/** Equal wherever it stands, so that all listeners and filters of a proxy share one stream. */
export const demandSource: ConfigSource = ownStream([]);

/** The call's metadata that says of which table the virtual hosts are: requests for them do not. */
export const tableHeader = 'x-lateen-table';

/**
 * Where a large table gets its virtual hosts: a stream for each table. Without an answer the listener does not open, however long
 * it takes, for the rules are not there yet.
 */
export const hostSource = (table: string): ConfigSource => ({
  ...ownStream([{ key: tableHeader, value: table }]),
  initialFetchTimeout: duration(0),
});

/** A control plane that is away for so long makes a first request fail; what was called before goes on. */
export const demandTimeout = duration(5000);

/** For the HTTP filter that waits. */
export const demandClusters = { source: demandSource, timeout: demandTimeout };

/**
 * Endpoints of clusters that came on demand. A changed cluster asks for none again, so the server sends them behind it; should they
 * be lost, the cluster goes on with those it had after this time.
 */
export const endpointSource: ConfigSource = { ...adsSource, initialFetchTimeout: duration(3000) };

// Access records: what every proxy that Lateen starts tells its host's agent of each request and connection, for `lateen requests`
// and `lateen why`. Written here as one line of Envoy's format operators; src/telemetry reads it by the same list.

import {
  type AccessLogSchema,
  ComparisonFilter_Op,
  GrpcStatusFilter_Status,
} from '../../../gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { ExpressionFilterSchema } from '../../../gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js';
import { OpenTelemetryAccessLogConfigSchema } from '../../../gen/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.js';
import { FractionalPercent_DenominatorType } from '../../../gen/envoy/type/v3/percent_pb.js';
import { any, type Init } from '../../filters/any.ts';
import { duration } from '../../filters/duration.ts';
import { originKey } from '../origin.ts';

type AccessLog = Init<typeof AccessLogSchema>;

/** Node metadata in which a proxy says that its bootstrap has `recordsCluster`, and that its agent takes records there. */
export const recordsKey = 'LATEEN_RECORDS';

/** A pod's own word on it: `true`, `false`, or `all`, however many requests its proxy takes. */
export const recordsAnnotation = 'lateen.dev/records';

/**
 * Runtime setting of an Envoy: of how many in `wholeShare` requests that went well it writes a record. It chooses by the request's id,
 * so that proxies with different shares choose the same requests as far as they can, and a record finds that of the other end.
 */
export const shareKey = 'lateen.records.share';
export const wholeShare = 10_000;

/** The cluster of OpenTelemetry's log service that takes them. */
export const recordsCluster = 'lateen-records';

/** On which side of a workload a record is written. */
export type RecordSide = 'outbound' | 'inbound' | 'gateway';

/** The first field of every record: its reader may be older or newer. */
export const recordVersion = '1';

/** Between the fields of a record: no header that Envoy takes has it. */
export const recordSeparator = '\u001F';

/**
 * The fields after version and side, in their order. No header but the request's id and authority, and the path without its query:
 * that is where people put tokens. What callers choose is cut to a length; its end is lost, never the record.
 */
export const recordFields = [
  // First what says whether it failed, which is looked at without reading the rest.
  ['type', '%ACCESS_LOG_TYPE%'],
  ['code', '%RESPONSE_CODE%'],
  ['grpcStatus', '%GRPC_STATUS_NUMBER%'],
  ['flags', '%RESPONSE_FLAGS%'],
  ['termination', '%CONNECTION_TERMINATION_DETAILS%'],
  ['upstreamFailure', '%UPSTREAM_TRANSPORT_FAILURE_REASON%'],
  ['id', '%REQ(X-REQUEST-ID):64%'],
  ['method', '%REQ(:METHOD):16%'],
  // As it was asked for, before a route rewrote it.
  ['authority', '%REQ(X-ENVOY-ORIGINAL-HOST?:AUTHORITY):253%'],
  ['path', '%PATH(NQ:ORIG_OR_PATH):256%'],
  ['protocol', '%PROTOCOL%'],
  ['details', '%RESPONSE_CODE_DETAILS%'],
  ['downstreamFailure', '%DOWNSTREAM_TRANSPORT_FAILURE_REASON%'],
  ['closed', '%DOWNSTREAM_LOCAL_CLOSE_REASON%'],
  ['duration', '%DURATION%'],
  ['firstByte', '%RESPONSE_DURATION%'],
  ['received', '%BYTES_RECEIVED%'],
  ['sent', '%BYTES_SENT%'],
  ['listener', '%LISTENER_NAME%'],
  ['chain', '%FILTER_CHAIN_NAME%'],
  ['chainOrigin', `%METADATA(LISTENER_FILTER_CHAIN:${originKey}:source)%`],
  ['virtualHost', '%CEL(xds.virtual_host_name)%'],
  ['virtualHostOrigin', `%METADATA(VIRTUAL_HOST:${originKey}:source)%`],
  ['route', '%ROUTE_NAME%'],
  ['routeOrigin', `%METADATA(ROUTE:${originKey}:source)%`],
  ['cluster', '%UPSTREAM_CLUSTER_RAW%'],
  ['endpoint', '%UPSTREAM_HOST%'],
  ['attempts', '%UPSTREAM_REQUEST_ATTEMPT_COUNT%'],
  ['attempted', '%UPSTREAM_HOSTS_ATTEMPTED%'],
  ['upstreamLocal', '%UPSTREAM_LOCAL_ADDRESS%'],
  ['local', '%DOWNSTREAM_LOCAL_ADDRESS%'],
  ['remote', '%DOWNSTREAM_REMOTE_ADDRESS%'],
  ['serverName', '%REQUESTED_SERVER_NAME%'],
  ['callerIdentity', '%DOWNSTREAM_PEER_URI_SAN%'],
  ['destinationIdentity', '%UPSTREAM_PEER_URI_SAN%'],
  ['policy', '%DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_effective_policy_id)%'],
] as const;

type Field = (typeof recordFields)[number][0];

/** What a side's proxy cannot know, or the other end and the chain tell as well: each operator costs every request. */
const leftOut: Readonly<Record<RecordSide, readonly Field[]>> = {
  outbound: ['downstreamFailure', 'callerIdentity', 'policy'],
  inbound: ['virtualHost', 'virtualHostOrigin', 'route', 'routeOrigin', 'attempted', 'upstreamLocal', 'destinationIdentity'],
  gateway: [],
};

/** As Envoy writes what there is not. */
const nothing = '-';

const operatorsOf = (side: RecordSide): string[] =>
  recordFields.map(([name, operator]) => (leftOut[side].includes(name) ? nothing : operator));

/** How long a record may wait in its Envoy, in milliseconds: a person who looks has just made the request. */
const flushInterval = 250;
/** What waits in a worker before that is sent at once; with the calls that its cluster allows it bounds what an agent that is away costs. */
const bufferBytes = 64 * 1024;

const logger = (side: RecordSide): AccessLog => ({
  name: 'envoy.access_loggers.open_telemetry',
  configType: {
    case: 'typedConfig',
    value: any(OpenTelemetryAccessLogConfigSchema, {
      logName: `lateen-${side}`,
      grpcService: { targetSpecifier: { case: 'envoyGrpc', value: { clusterName: recordsCluster } } },
      bufferFlushInterval: duration(flushInterval),
      bufferSizeBytes: bufferBytes,
      disableBuiltinLabels: true,
      body: {
        value: {
          case: 'stringValue',
          value: [recordVersion, side, ...operatorsOf(side)].join(recordSeparator),
        },
      },
    }),
  },
});

const loggers: Readonly<Record<RecordSide, readonly AccessLog[]>> = {
  outbound: [logger('outbound')],
  inbound: [logger('inbound')],
  gateway: [logger('gateway')],
};

/** The logger of connections that a filter takes; undefined: of a proxy whose agent takes no records. */
export const recordLoggers = (side: RecordSide | undefined): readonly AccessLog[] => (side === undefined ? [] : loggers[side]);

type LogFilter = NonNullable<AccessLog['filter']>;

const anyOf = (...filters: readonly LogFilter[]): LogFilter => ({
  filterSpecifier: { case: 'orFilter', value: { filters: [...filters] } },
});

/** Answers that are no error of HTTP, and one of gRPC all the same: without the first half this would fit all that is no gRPC. */
const failedCall: LogFilter = {
  filterSpecifier: {
    case: 'andFilter',
    value: {
      filters: [
        {
          filterSpecifier: {
            case: 'headerFilter',
            value: {
              header: {
                name: 'content-type',
                headerMatchSpecifier: {
                  case: 'stringMatch',
                  value: { matchPattern: { case: 'prefix', value: 'application/grpc' } },
                },
              },
            },
          },
        },
        { filterSpecifier: { case: 'grpcStatusFilter', value: { statuses: [GrpcStatusFilter_Status.OK], exclude: true } } },
      ],
    },
  },
};

/** All that failed, and of the rest the share that the agent asks for: what most requests pass first, costs each of them. */
const failedOrChosen = anyOf(
  {
    filterSpecifier: {
      case: 'statusCodeFilter',
      value: {
        comparison: { op: ComparisonFilter_Op.GE, value: { defaultValue: 400, runtimeKey: 'lateen.records.failed_from' } },
      },
    },
  },
  // Any flag.
  { filterSpecifier: { case: 'responseFlagFilter', value: {} } },
  {
    filterSpecifier: {
      case: 'runtimeFilter',
      value: {
        runtimeKey: shareKey,
        percentSampled: { numerator: wholeShare, denominator: FractionalPercent_DenominatorType.TEN_THOUSAND },
      },
    },
  },
  failedCall,
);

/** The logger of requests. */
export const requestLoggers = (side: RecordSide | undefined): readonly AccessLog[] =>
  recordLoggers(side).map((made) => ({ ...made, filter: failedOrChosen }));

/** What never gets as far as a filter: no chain is for it, or its TLS handshake fails. */
const refusedOnly = anyOf(
  { filterSpecifier: { case: 'responseFlagFilter', value: { flags: ['NR'] } } },
  {
    filterSpecifier: {
      case: 'extensionFilter',
      value: {
        name: 'envoy.access_loggers.extension_filters.cel',
        configType: {
          case: 'typedConfig',
          value: any(ExpressionFilterSchema, { expression: "connection.transport_failure_reason != ''" }),
        },
      },
    },
  },
);

/** The logger of a listener, for the connections that it refuses. */
export const refusedLoggers = (side: RecordSide | undefined): readonly AccessLog[] =>
  recordLoggers(side).map((made) => ({ ...made, filter: refusedOnly }));

// Access logs as MeshConfig asks for them: a line per request or connection, in Istio's format or the user's.

import type { AccessLogSchema } from '../../../gen/envoy/config/accesslog/v3/accesslog_pb.js';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { SubstitutionFormatStringSchema } from '../../../gen/envoy/config/core/v3/substitution_format_string_pb.js';
import { FileAccessLogSchema } from '../../../gen/envoy/extensions/access_loggers/file/v3/file_pb.js';
import {
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
} from '../../../gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js';
import type { MeshConfig } from '../../api/mesh-config.ts';
import { any, type Init } from '../../filters/any.ts';

type AccessLog = Init<typeof AccessLogSchema>;

/** The fields of Istio's default line, which people's tools parse. */
const fields = [
  ['start_time', '[%START_TIME%]'],
  ['request', '"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%"'],
  ['response_code', '%RESPONSE_CODE%'],
  ['response_flags', '%RESPONSE_FLAGS%'],
  ['response_code_details', '%RESPONSE_CODE_DETAILS%'],
  ['connection_termination_details', '%CONNECTION_TERMINATION_DETAILS%'],
  ['upstream_transport_failure_reason', '"%UPSTREAM_TRANSPORT_FAILURE_REASON%"'],
  ['bytes_received', '%BYTES_RECEIVED%'],
  ['bytes_sent', '%BYTES_SENT%'],
  ['duration', '%DURATION%'],
  ['upstream_service_time', '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%'],
  ['x_forwarded_for', '"%REQ(X-FORWARDED-FOR)%"'],
  ['user_agent', '"%REQ(USER-AGENT)%"'],
  ['request_id', '"%REQ(X-REQUEST-ID)%"'],
  ['authority', '"%REQ(:AUTHORITY)%"'],
  ['upstream_host', '"%UPSTREAM_HOST%"'],
  ['upstream_cluster', '%UPSTREAM_CLUSTER_RAW%'],
  ['upstream_local_address', '%UPSTREAM_LOCAL_ADDRESS%'],
  ['downstream_local_address', '%DOWNSTREAM_LOCAL_ADDRESS%'],
  ['downstream_remote_address', '%DOWNSTREAM_REMOTE_ADDRESS%'],
  ['requested_server_name', '%REQUESTED_SERVER_NAME%'],
  ['route_name', '%ROUTE_NAME%'],
] as const;

const defaultText = `${fields.map(([, format]) => format).join(' ')}\n`;

/** No file, no log: `accessLogFile` is empty by default. */
export function accessLogs(config: MeshConfig): AccessLog[] {
  const { accessLogFile: path } = config;
  if (!path) return [];
  const accessLogFormat = { case: 'logFormat' as const, value: logFormat(config) };
  // Envoy's standard streams may be sockets, which cannot be opened by path: it has loggers that write to them as they are.
  switch (path) {
    case '/dev/stdout':
      return [logger('envoy.access_loggers.stdout', any(StdoutAccessLogSchema, { accessLogFormat }))];
    case '/dev/stderr':
      return [logger('envoy.access_loggers.stderr', any(StderrAccessLogSchema, { accessLogFormat }))];
    default:
      return [logger('envoy.access_loggers.file', any(FileAccessLogSchema, { path, accessLogFormat }))];
  }
}

/** The log of a listener itself, to the same place: connections that no filter chain takes, of which no filter tells. */
export const listenerAccessLogs = (config: MeshConfig): AccessLog[] =>
  config.disableEnvoyListenerLog === true ? [] : accessLogs(config).map((log) => ({ ...log, filter: noChain }));

const noChain: NonNullable<AccessLog['filter']> = {
  filterSpecifier: { case: 'responseFlagFilter', value: { flags: ['NR'] } },
};

const logger = (name: string, value: Any): AccessLog => ({ name, configType: { case: 'typedConfig', value } });

function logFormat({ accessLogEncoding, accessLogFormat }: MeshConfig): Init<typeof SubstitutionFormatStringSchema> {
  if (accessLogEncoding === 'JSON') return { format: { case: 'jsonFormat', value: jsonFields(accessLogFormat) } };
  const text = accessLogFormat || defaultText;
  const inlineString = text.endsWith('\n') ? text : `${text}\n`;
  return { format: { case: 'textFormatSource', value: { specifier: { case: 'inlineString', value: inlineString } } } };
}

function jsonFields(format: string | undefined): Record<string, string> {
  if (format) {
    try {
      return JSON.parse(format) as Record<string, string>;
    } catch {
      // A format that is no JSON says nothing to a JSON log; Istio's own fields are better than none.
    }
  }
  return Object.fromEntries(fields.map(([name, value]) => [name, value.replaceAll('"', '').replace(/^\[(.*)\]$/, '$1')]));
}

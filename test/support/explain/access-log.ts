// What a staged proxy writes of every request and connection, and how it is read: one JSON line each on its standard output.

import type { JsonValue } from '@bufbuild/protobuf';

/** `http` and `tcp` come from the filter that decided, `connection` from the listener at the connection's end. */
export type RecordKind = 'http' | 'tcp' | 'connection';

export interface AccessRecord {
  readonly kind: RecordKind;
  readonly generation: number;
  /** Where the connection really came from, whatever the PROXY header said. */
  readonly peer: string;
  readonly listener: string;
  /** The chain's place among the listener's, or `default`. */
  readonly chain: string;
  readonly chainName: string;
  readonly virtualHost: string;
  readonly route: string;
  /** `VirtualService/default/reviews#spec.http[0]`. */
  readonly routeSource: string;
  readonly cluster: string;
  /** Empty where none was chosen. */
  readonly upstream: string;
  readonly attempts: number;
  readonly status: number;
  readonly flags: string;
  readonly details: string;
  readonly authorization: string;
  readonly transportFailure: string;
}

/** Not a number by itself, which could be that of a port. */
export const generationText = (generation: number): string => `generation${generation}`;

const format = {
  peer: '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%',
  chainName: '%FILTER_CHAIN_NAME%',
  virtualHost: '%CEL(xds.virtual_host_name)%',
  route: '%ROUTE_NAME%',
  routeSource: '%METADATA(ROUTE:lateen:source)%',
  cluster: '%UPSTREAM_CLUSTER_RAW%',
  upstream: '%UPSTREAM_HOST%',
  attempts: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
  status: '%RESPONSE_CODE%',
  flags: '%RESPONSE_FLAGS%',
  details: '%RESPONSE_CODE_DETAILS%',
  termination: '%CONNECTION_TERMINATION_DETAILS%',
  authorization: '%DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_effective_policy_id)%',
  transportFailure: '%DOWNSTREAM_TRANSPORT_FAILURE_REASON%',
  upstreamFailure: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
};

/** The configuration of the log, with what a line cannot know otherwise in it. */
export const accessLog = (
  kind: RecordKind,
  { generation, ...where }: { readonly listener: string; readonly chain: string; readonly generation: number },
): JsonValue => [
  {
    name: 'what happened',
    typedConfig: {
      '@type': 'type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog',
      logFormat: { jsonFormat: { kind, generation: generationText(generation), ...where, ...format } },
    },
  },
];

/** A line of the log; undefined for anything else. */
export function recordOf(line: string): AccessRecord | undefined {
  if (!line.startsWith('{')) return undefined;
  const said = JSON.parse(line) as Record<string, unknown>;
  const text = (key: string): string => (typeof said[key] === 'string' ? said[key] : '');
  const { kind } = said;
  if (kind !== 'http' && kind !== 'tcp' && kind !== 'connection') return undefined;
  return {
    kind,
    generation: Number(text('generation').replace(/^\D+/, '')),
    peer: text('peer'),
    listener: text('listener'),
    chain: text('chain'),
    chainName: text('chainName'),
    virtualHost: text('virtualHost'),
    route: text('route'),
    routeSource: text('routeSource'),
    cluster: text('cluster'),
    upstream: text('upstream'),
    attempts: Number(said['attempts'] ?? 0),
    status: Number(said['status'] ?? 0),
    flags: text('flags') === '-' ? '' : text('flags'),
    details: text('details') || text('termination'),
    authorization: text('authorization'),
    transportFailure: text('transportFailure') || text('upstreamFailure'),
  };
}

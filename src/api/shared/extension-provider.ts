// Extension providers of MeshConfig: outside services that authorize requests, take traces, metrics and logs.

import type { Static } from 'typebox';
import {
  bool,
  choice,
  count,
  duration,
  freeForm,
  list,
  message,
  nonEmpty,
  number,
  portNumber,
  secretText,
  text,
  textMap,
} from '../schema.ts';

const service = { service: nonEmpty, port: portNumber };

const RequestBody = message({}, { maxRequestBytes: count, allowPartialMessage: bool, packAsBytes: bool });

const authz = {
  timeout: duration,
  failOpen: bool,
  clearRouteCache: bool,
  statusOnError: text,
  includeRequestBodyInCheck: RequestBody,
};

const EnvoyExtAuthzHttp = message(service, {
  ...authz,
  pathPrefix: text,
  includeHeadersInCheck: list(text),
  includeRequestHeadersInCheck: list(text),
  includeAdditionalHeadersInCheck: textMap,
  headersToUpstreamOnAllow: list(text),
  headersToDownstreamOnDeny: list(text),
  headersToDownstreamOnAllow: list(text),
});

const EnvoyExtAuthzGrpc = message(service, authz);

const traced = { maxTagLength: count };
/** A header whose value is text or comes from the proxy's environment. */
const Header = message({ name: nonEmpty }, { value: text, envName: text });
const HttpService = message({}, { path: text, timeout: duration, headers: list(Header) });
const GrpcService = message({}, { timeout: duration, initialMetadata: list(Header) });

const Zipkin = message(service, {
  ...traced,
  enable64bitTraceId: bool,
  path: text,
  traceContextOption: choice('USE_B3', 'USE_B3_WITH_W3C_PROPAGATION'),
  timeout: duration,
  headers: list(Header),
});

const OpenTelemetry = message(service, {
  ...traced,
  http: HttpService,
  grpc: GrpcService,
  resourceDetectors: message({}, { environment: freeForm, dynatrace: freeForm }),
  serviceAttributeEnrichment: text,
  dynatraceSampler: message(
    {},
    {
      tenant: text,
      clusterId: count,
      rootSpansPerMinute: count,
      httpService: message(service, { http: HttpService }),
    },
  ),
});

const LogFormat = message({}, { text, labels: freeForm });

const logged = { logName: text, filterStateObjectsToLog: list(text) };

const EnvoyHttpAls = message(service, {
  ...logged,
  additionalRequestHeadersToLog: list(text),
  additionalResponseHeadersToLog: list(text),
  additionalResponseTrailersToLog: list(text),
});

export const ExtensionProvider = message(
  { name: nonEmpty },
  {
    envoyExtAuthzHttp: EnvoyExtAuthzHttp,
    envoyExtAuthzGrpc: EnvoyExtAuthzGrpc,
    zipkin: Zipkin,
    lightstep: message(service, { ...traced, accessToken: secretText }),
    datadog: message(service, traced),
    skywalking: message(service, { accessToken: secretText }),
    opencensus: message(service, { ...traced, context: list(text) }),
    stackdriver: message({}, { ...traced, debug: bool, logging: freeForm, maxNumberOfAttributes: number(0, 2 ** 53) }),
    opentelemetry: OpenTelemetry,
    prometheus: freeForm,
    envoyFileAccessLog: message({}, { path: text, logFormat: LogFormat, omitEmptyValues: bool }),
    envoyHttpAls: EnvoyHttpAls,
    envoyTcpAls: message(service, logged),
    envoyOtelAls: message(service, { logName: text, logFormat: LogFormat }),
    sds: message(service, { name: text }),
  },
);
export type ExtensionProvider = Static<typeof ExtensionProvider>;

/** Fields that say what a provider is: exactly one is set. */
export const providerKinds = Object.keys(ExtensionProvider.properties).filter((name) => name !== 'name');

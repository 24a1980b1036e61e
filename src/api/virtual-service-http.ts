// One HTTP rule of a VirtualService, to the leaf: what it matches, where it sends a request and what it changes on the way.

import type { Static } from 'typebox';
import { bool, choice, duration, integer, list, map, message, number, portNumber, text, textMap, uint32 } from './schema.ts';
import { Destination } from './shared/destination.ts';
import { HTTPRetry } from './shared/http-retry.ts';
import { StringMatch } from './shared/string-match.ts';

const HeaderOperations = message({}, { set: textMap, add: textMap, remove: list(text) });
export type HeaderOperations = Static<typeof HeaderOperations>;

const Headers = message({}, { request: HeaderOperations, response: HeaderOperations });
export type Headers = Static<typeof Headers>;

const Percent = message({}, { value: number(0, 100) });
export type Percent = Static<typeof Percent>;

const HTTPMatchRequest = message(
  {},
  {
    name: text,
    uri: StringMatch,
    scheme: StringMatch,
    method: StringMatch,
    authority: StringMatch,
    headers: map(StringMatch),
    withoutHeaders: map(StringMatch),
    queryParams: map(StringMatch),
    ignoreUriCase: bool,
    port: portNumber,
    sourceLabels: textMap,
    sourceNamespace: text,
    gateways: list(text),
    statPrefix: text,
  },
);
export type HTTPMatchRequest = Static<typeof HTTPMatchRequest>;

const HTTPRouteDestination = message({ destination: Destination }, { weight: integer(0, 2_147_483_647), headers: Headers });
export type HTTPRouteDestination = Static<typeof HTTPRouteDestination>;

const HTTPRedirect = message(
  {},
  {
    uri: text,
    authority: text,
    scheme: text,
    redirectCode: uint32,
    port: portNumber,
    derivePort: choice('FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT'),
    prefixRewrite: text,
  },
);
export type HTTPRedirect = Static<typeof HTTPRedirect>;

/** `bytes` is base64. */
const HTTPBody = message({}, { string: text, bytes: text });

const HTTPDirectResponse = message({ status: uint32 }, { body: HTTPBody });
export type HTTPDirectResponse = Static<typeof HTTPDirectResponse>;

const Delegate = message({}, { name: text, namespace: text });
export type Delegate = Static<typeof Delegate>;

const RegexRewrite = message({}, { match: text, rewrite: text });

const HTTPRewrite = message({}, { uri: text, authority: text, uriRegexRewrite: RegexRewrite });
export type HTTPRewrite = Static<typeof HTTPRewrite>;

/** `percent` is Istio's older whole-number form of `percentage`. */
const FaultDelay = message(
  {},
  { fixedDelay: duration, exponentialDelay: duration, percentage: Percent, percent: integer(0, 100) },
);

const FaultAbort = message(
  {},
  { httpStatus: integer(-2_147_483_648, 2_147_483_647), grpcStatus: text, http2Error: text, percentage: Percent },
);

const HTTPFaultInjection = message({}, { delay: FaultDelay, abort: FaultAbort });
export type HTTPFaultInjection = Static<typeof HTTPFaultInjection>;

const HTTPMirrorPolicy = message({ destination: Destination }, { percentage: Percent });
export type HTTPMirrorPolicy = Static<typeof HTTPMirrorPolicy>;

const CorsPolicy = message(
  {},
  {
    allowOrigins: list(StringMatch),
    allowOrigin: list(text),
    allowMethods: list(text),
    allowHeaders: list(text),
    exposeHeaders: list(text),
    maxAge: duration,
    allowCredentials: bool,
    unmatchedPreflights: choice('UNSPECIFIED', 'FORWARD', 'IGNORE'),
  },
);
export type CorsPolicy = Static<typeof CorsPolicy>;

export const HTTPRoute = message(
  {},
  {
    name: text,
    match: list(HTTPMatchRequest),
    route: list(HTTPRouteDestination),
    redirect: HTTPRedirect,
    directResponse: HTTPDirectResponse,
    delegate: Delegate,
    rewrite: HTTPRewrite,
    timeout: duration,
    retries: HTTPRetry,
    fault: HTTPFaultInjection,
    mirror: Destination,
    mirrorPercentage: Percent,
    mirrorPercent: uint32,
    mirrors: list(HTTPMirrorPolicy),
    corsPolicy: CorsPolicy,
    headers: Headers,
  },
);
export type HTTPRoute = Static<typeof HTTPRoute>;

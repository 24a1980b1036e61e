// Envoy's response flags: the name behind each, and what it says of a request when nothing more is known.

import type { Meaning } from './meaning.ts';

interface ResponseFlag extends Meaning {
  /** As Envoy's RESPONSE_FLAGS_LONG has it. */
  readonly long: string;
}

const lookAtServer = 'see what the destination did: lateen logs of the workload, and its own record';

/** All of Envoy 1.40, by their short names. */
export const responseFlags: Readonly<Record<string, ResponseFlag>> = {
  LH: {
    long: 'FailedLocalHealthCheck',
    says: 'the proxy’s own health check was failing',
    fix: 'make the workload healthy, or take the health check filter away',
  },
  UH: {
    long: 'NoHealthyUpstream',
    says: 'no healthy endpoint was there to send it to',
    fix: 'see that pods are ready and have the labels that are selected: lateen proxy WORKLOAD endpoints',
  },
  UT: {
    long: 'UpstreamRequestTimeout',
    says: 'no answer came in time',
    fix: 'make the destination answer sooner, or raise the timeout of the route',
  },
  LR: { long: 'LocalReset', says: 'the proxy itself reset the stream', fix: lookAtServer },
  UR: { long: 'UpstreamRemoteReset', says: 'the destination reset the stream', fix: lookAtServer },
  UF: {
    long: 'UpstreamConnectionFailure',
    says: 'no connection to the destination came about',
    fix: 'see that it listens at that address and speaks what is expected: TLS or plaintext',
  },
  UC: {
    long: 'UpstreamConnectionTermination',
    says: 'the destination closed the connection before it had answered',
    fix: lookAtServer,
  },
  UO: {
    long: 'UpstreamOverflow',
    says: 'a limit on connections or requests was reached',
    fix: 'raise the limits of the DestinationRule’s connectionPool, or send less at one time',
  },
  NR: {
    long: 'NoRouteFound',
    says: 'no route was there for it',
    fix: 'add a rule that matches it, or one without matches at the end',
  },
  DI: {
    long: 'DelayInjected',
    says: 'it was delayed on purpose',
    fix: 'take the fault out of the rule when the experiment is over',
  },
  FI: {
    long: 'FaultInjected',
    says: 'it was aborted on purpose',
    fix: 'take the fault out of the rule when the experiment is over',
  },
  RL: { long: 'RateLimited', says: 'a rate limit was reached', fix: 'send less, or raise the limit' },
  UAEX: {
    long: 'UnauthorizedExternalService',
    says: 'an external authorization service refused it, or could not be asked',
    fix: 'ask the service that decides; a policy with action CUSTOM names it',
  },
  RLSE: {
    long: 'RateLimitServiceError',
    says: 'the rate limit service could not be asked',
    fix: 'see that the rate limit service runs and is reachable',
  },
  DC: {
    long: 'DownstreamConnectionTermination',
    says: 'the caller went away before the answer was complete',
    fix: 'see why the caller gave up: its own timeout, mostly',
  },
  URX: {
    long: 'UpstreamRetryLimitExceeded',
    says: 'all attempts failed',
    fix: 'see why the last one failed; more attempts seldom help',
  },
  SI: {
    long: 'StreamIdleTimeout',
    says: 'nothing was said for too long',
    fix: 'send something now and then, or raise the idle timeout',
  },
  IH: {
    long: 'InvalidEnvoyRequestHeaders',
    says: 'an x-envoy header of the request is invalid',
    fix: 'correct the header, or do not send it',
  },
  DPE: {
    long: 'DownstreamProtocolError',
    says: 'what the caller sent is not valid HTTP',
    fix: 'see what the caller sends, and that the port’s protocol is what its name or appProtocol says',
  },
  UMSDR: {
    long: 'UpstreamMaxStreamDurationReached',
    says: 'the stream reached the longest time that it may last',
    fix: 'raise the limit on the stream’s duration, or end streams earlier',
  },
  RFCF: { long: 'ResponseFromCacheFilter', says: 'it was answered from a cache', fix: 'nothing is wrong' },
  NFCF: {
    long: 'NoFilterConfigFound',
    says: 'a filter of the proxy has not got its configuration',
    fix: 'see lateen status: something that the proxy was sent has not arrived, or was refused',
  },
  DT: {
    long: 'DurationTimeout',
    says: 'the connection had lasted as long as it may',
    fix: 'raise maxConnectionDuration in the DestinationRule, or connect again',
  },
  UPE: {
    long: 'UpstreamProtocolError',
    says: 'what the destination answered is not valid HTTP',
    fix: 'see that the port’s name or appProtocol says what its application speaks: http, http2, grpc, tcp',
  },
  NC: {
    long: 'NoClusterFound',
    says: 'the route leads to a service, port or subset that the proxy does not have',
    fix: 'see that the service exists and that the caller may see it: exportTo and Sidecar can hide it',
  },
  OM: {
    long: 'OverloadManager',
    says: 'the proxy refused it to protect itself from overload',
    fix: 'give the proxy more memory or connections, or send less',
  },
  DF: {
    long: 'DnsResolutionFailed',
    says: 'the destination’s name could not be resolved',
    fix: 'see that the name exists where the proxy asks: lateen exec WORKLOAD -- getent hosts NAME',
  },
  DO: {
    long: 'DropOverLoad',
    says: 'it was dropped, as a share of requests is, to relieve the destination',
    fix: 'see the drop_overload of the endpoints: an EnvoyFilter or another control plane set it',
  },
  DR: {
    long: 'DownstreamRemoteReset',
    says: 'the caller reset the stream',
    fix: 'see why the caller gave up: its own timeout, mostly',
  },
  UDO: {
    long: 'UnconditionalDropOverload',
    says: 'it was dropped, as all requests are, to relieve the destination',
    fix: 'see the drop_overload of the endpoints: an EnvoyFilter or another control plane set it',
  },
};

/** `UF (UpstreamConnectionFailure)`; a flag of a newer Envoy is named as it is. */
export const flagText = (flag: string): string => {
  const known = responseFlags[flag];
  return known === undefined ? flag : `${flag} (${known.long})`;
};

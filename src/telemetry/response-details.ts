// Envoy's response code details, and the reasons for which it ends connections → what they mean. What no other room says better.

import type { Meaning } from './meaning.ts';

const callerSends = 'see what the caller sends';
const serverSends = 'see what the destination sends, and that the port’s protocol is what its name or appProtocol says';
const filters = 'a filter did it: see the EnvoyFilters that concern this proxy';

/** By their beginning: most are whole, some go on with what is in braces or brackets. The first that fits counts. */
const details: readonly (readonly [beginning: string, says: string, fix: string])[] = [
  ['direct_response', 'the route answers itself', 'see the directResponse or redirect of the rule'],
  [
    'request_payload_exceeded_retry_buffer_limit',
    'the request is too large to be kept for another attempt',
    'send less, or do without retries',
  ],
  [
    'request_payload_too_large',
    'the request’s body is larger than a filter that reads all of it allows',
    'send less, or raise the filter’s limit',
  ],
  [
    'response_payload_too_large',
    'the answer’s body is larger than a filter that reads all of it allows',
    'raise the filter’s limit',
  ],
  ['stream_idle_timeout', 'nothing was said for too long', 'send something now and then, or raise the idle timeout'],
  ['max_duration_timeout', 'the stream reached the longest time that it may last', 'raise the limit, or end streams earlier'],
  ['request_overall_timeout', 'the caller took too long to send the whole request', callerSends],
  ['request_header_timeout', 'the caller took too long to send the request’s headers', callerSends],
  ['downstream_header_timeout', 'the caller took too long to send the request’s headers', callerSends],
  ['overload', 'the proxy refused it to protect itself from overload', 'give the proxy more room, or send less'],
  ['http.invalid_path', 'the request’s path is invalid', callerSends],
  ['absolute_path_rejected', 'the request’s path is a whole URL, which is not served here', callerSends],
  [
    'path_normalization_failed',
    'the request’s path cannot be normalized',
    'correct the path; pathNormalization of MeshConfig says what is done to it',
  ],
  ['request_headers_failed_strict_check', 'an x-envoy header of the request is invalid', 'correct the header, or do not send it'],
  ['upgrade_failed', 'the upgrade that the request asks for is not served here', callerSends],
  ['http_upgrade_failed', 'the upgrade that the request asks for is not served here', callerSends],
  [
    'websocket_handshake_unsuccessful',
    'the destination did not take the upgrade to WebSocket',
    'see what the destination answers to the handshake',
  ],
  [
    'route_configuration_not_found',
    'the proxy has not got its route table yet',
    'see lateen status: has its configuration arrived?',
  ],
  ['route_not_found', 'no route was there for it', 'add a rule that matches it, or one without matches at the end'],
  [
    'cluster_not_found',
    'the route leads to a service, port or subset that the proxy does not have',
    'see that the service exists and that the caller may see it: exportTo and Sidecar can hide it',
  ],
  [
    'maintenance_mode',
    'the destination is in maintenance mode',
    'see the runtime setting upstream.maintenance_mode of the proxy',
  ],
  [
    'unconditional_drop_overload',
    'it was dropped, as all requests are, to relieve the destination',
    'see the drop_overload of the endpoints',
  ],
  [
    'drop_overload',
    'it was dropped, as a share of requests is, to relieve the destination',
    'see the drop_overload of the endpoints',
  ],
  [
    'no_healthy_upstream',
    'no healthy endpoint was there to send it to',
    'see that pods are ready and have the labels that are selected',
  ],
  ['response_timeout', 'no answer came in time', 'make the destination answer sooner, or raise the timeout of the route'],
  [
    'upstream_per_try_timeout',
    'no attempt was answered in time',
    'raise perTryTimeout of the rule’s retries, or make the destination answer sooner',
  ],
  ['upstream_per_try_idle_timeout', 'an attempt said nothing for too long', 'make the destination answer sooner'],
  [
    'upstream_max_stream_duration_reached',
    'the stream reached the longest time that it may last',
    'raise the limit, or end streams earlier',
  ],
  [
    'upstream_reset_before_response_started{protocol_error',
    'what the destination answered is not valid HTTP',
    'see that the port’s name or appProtocol says what its application speaks: http, http2, grpc, tcp',
  ],
  [
    'upstream_reset_before_response_started',
    'the connection to the destination ended before it had answered',
    'see what the destination did',
  ],
  [
    'upstream_reset_after_response_started',
    'the connection to the destination ended in the middle of the answer',
    'see what the destination did',
  ],
  [
    'filter_chain_not_found',
    'no filter chain takes such connections',
    'see the ports, server names and TLS modes that are served there',
  ],
  [
    'downstream_remote_disconnect',
    'the caller went away before the answer was complete',
    'see why the caller gave up: its own timeout, mostly',
  ],
  ['downstream_local_disconnect', 'the proxy closed the caller’s connection', callerSends],
  ['duration_timeout', 'the connection had lasted as long as it may', 'connect again, or raise maxConnectionDuration'],
  ['internal_redirect', 'the answer was a redirect that the proxy followed itself', 'nothing is wrong'],
  ['admin_filter_response', 'the proxy’s admin interface answered', 'nothing is wrong'],
  ['filter_removed_required', 'a filter took away what a request or answer must have', filters],
  ['filter_added_invalid', 'a filter added data where it may not', filters],
  [
    'rejecting_because_detection_failed',
    'the caller’s own address could not be found out',
    'see numTrustedProxies of the gateway',
  ],
  ['fault_filter_abort', 'it was aborted on purpose', 'take the fault out of the rule when the experiment is over'],
  [
    'jwt_authn_access_denied',
    'its token (JWT) was refused',
    'send a valid token of an issuer that a RequestAuthentication names',
  ],
  [
    'ext_authz_denied',
    'an external authorization service refused it',
    'ask the service that decides; a policy with action CUSTOM names it',
  ],
  [
    'ext_authz_error',
    'the external authorization service could not be asked',
    'see that the provider of the policy with action CUSTOM runs',
  ],
  [
    'csrf_origin_mismatch',
    'its origin is another one than its destination (CSRF)',
    'send it from an origin that the filter allows',
  ],
  ['request_rate_limited', 'a rate limit was reached', 'send less, or raise the limit'],
  ['local_rate_limited', 'a rate limit of this proxy was reached', 'send less, or raise the limit'],
  ['rate_limiter_error', 'the rate limit service could not be asked', 'see that the rate limit service runs and is reachable'],
  [
    'denied_by_admission_control',
    'too many requests fail there: some are refused to relieve it',
    'see why the destination fails',
  ],
  ['health_check_failed', 'the proxy’s own health check was failing', 'make the workload healthy'],
  ['no_filter_config_found', 'a filter of the proxy has not got its configuration', 'see lateen status'],
  ['dns_resolution_failure', 'the destination’s name could not be resolved', 'see that the name exists where the proxy asks'],
  ['dns_cache_overflow', 'too many names wait to be resolved', 'call fewer names at one time'],
  ['http1.', 'a message of HTTP/1 is invalid', serverSends],
  ['http2.', 'a message of HTTP/2 is invalid', serverSends],
  ['http3.', 'a message of HTTP/3 is invalid', serverSends],
  // Connections, of `%DOWNSTREAM_LOCAL_CLOSE_REASON%`.
  [
    'tcp_session_idle_timeout',
    'nothing was sent for too long',
    'raise the idle timeout of the DestinationRule’s connectionPool, or send something now and then',
  ],
  [
    'max_connection_duration_reached',
    'the connection had lasted as long as it may',
    'connect again, or raise maxConnectionDuration',
  ],
  ['on_idle_timeout', 'nothing was sent for too long', 'raise the idle timeout, or send something now and then'],
  [
    'transport_socket_timeout',
    'the caller did not finish the TLS handshake in time',
    'see what the caller does after it has connected',
  ],
  ['tcp_initializion_failure', 'no connection to the destination came about', 'see that it listens at that address'],
  ['non_pooled_tcp_connection_host_health_failure', 'the endpoint became unhealthy', 'see why the endpoint fails'],
];

export function detailMeaning(text: string): Meaning | undefined {
  const found = details.find(([beginning]) => text.startsWith(beginning));
  return found && { says: found[1], fix: found[2] };
}

/** All that is known, for whoever wants to hold it against Envoy. */
export const knownDetails: readonly string[] = details.map(([beginning]) => beginning);

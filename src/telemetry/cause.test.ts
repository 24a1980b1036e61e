// Why requests fail, one by one: each flag of Envoy, each detail, each failure of a handshake → what is said, of which object.

import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { record } from '../../test/support/records.ts';
import { causeOf } from './cause.ts';
import { joinRecords, type Exchange } from './join.ts';
import type { AccessRecord } from './record.ts';
import { detailMeaning, knownDetails } from './response-details.ts';
import { responseFlags } from './response-flags.ts';
import type { Known } from './scene.ts';
import { stepsOf } from './steps.ts';
import { downstreamFailure, upstreamFailure } from './transport-failure.ts';

const known: Known = {
  undeclared: false,
  cluster: [{ object: 'Service/default/reviews', path: '' }],
  rules: [{ object: 'VirtualService/default/reviews', path: '' }],
  endpoints: 2,
  allowing: [{ object: 'AuthorizationPolicy/default/only-pages', path: '' }],
  considered: [],
  authentication: [{ object: 'PeerAuthentication/default/strict', path: 'spec.mtls' }],
};

type Said = Parameters<typeof record>[2];

const usual = {
  id: 'i',
  method: 'GET',
  authority: 'reviews',
  path: '/1',
  virtualHost: 'reviews.default.svc.cluster.local:9080',
  virtualHostOrigin: 'Service/default/reviews',
  route: 'v1',
  routeOrigin: 'VirtualService/default/reviews#spec.http[0].match[1]',
  cluster: 'outbound|9080|v1|reviews.default.svc.cluster.local',
};
const sentTo = { upstreamLocal: '10.0.0.1:4000', endpoint: '10.0.0.2:9080', attempts: 1 };
const caller = (said: Said): AccessRecord => record('outbound', 'productpage', { ...usual, ...said });
const destination = (said: Said): AccessRecord =>
  record('inbound', 'reviews-v1', {
    id: 'i',
    remote: '10.0.0.1:4000',
    local: '10.0.0.2:9080',
    cluster: 'inbound|9080||',
    ...said,
  });

function only(...records: AccessRecord[]): Exchange {
  const [exchange, ...others] = joinRecords(records);
  assert.ok(exchange !== undefined && others.length === 0, 'the records are of one exchange');
  return exchange;
}

function why(records: readonly AccessRecord[], now: Partial<Known> = {}): readonly [says: string, origins: string] {
  const cause = causeOf(only(...records), { ...known, ...now });
  assert.ok(cause !== undefined, 'it has failed');
  assert.notEqual(cause.fix, '');
  return [cause.says, cause.origins.map(({ object, path }) => (path === '' ? object : `${object}#${path}`)).join(' ')];
}

const route = 'VirtualService/default/reviews#spec.http[0].match[1]';
const service = 'Service/default/reviews';

const cases: Readonly<
  Record<string, readonly [records: readonly AccessRecord[], says: string, origins: string, now?: Partial<Known>]>
> = {
  'NR, a host without a rule that matches': [
    [caller({ code: 404, flags: 'NR', details: 'route_not_found', route: '-', routeOrigin: '-', cluster: '-' })],
    'no rule for reviews.default.svc.cluster.local matches GET /1',
    'VirtualService/default/reviews',
  ],
  'no rule of a host that comes by itself': [
    [
      caller({
        code: 404,
        details: 'direct_response',
        route: 'no_route',
        routeOrigin: '-',
        cluster: '-',
        virtualHost: '80/reviews.default.svc.cluster.local:80',
      }),
    ],
    'no rule for reviews.default.svc.cluster.local matches GET /1',
    'VirtualService/default/reviews',
  ],
  'NR, no such host': [
    [caller({ code: 404, flags: 'NR', details: 'route_not_found', virtualHost: '-', routeOrigin: '-', cluster: '-' })],
    'productpage.default has no host reviews: neither a service nor a VirtualService that it sees has the name',
    '',
  ],
  'a host that is not registered, refused by a route': [
    [
      caller({
        code: 502,
        details: 'direct_response',
        authority: 'shop.example',
        virtualHost: 'block_all',
        route: 'block_all',
        virtualHostOrigin: '-',
        routeOrigin: '-',
        cluster: '-',
      }),
    ],
    'host shop.example is not registered: nobody declared this destination, and only what is declared may be called (outboundTrafficPolicy: REGISTRY_ONLY)',
    '',
  ],
  'a host that is not registered, for which a cluster stands on demand': [
    [
      caller({
        code: 502,
        flags: 'UH',
        details: 'no_healthy_upstream',
        authority: 'shop.example',
        virtualHostOrigin: '-',
        routeOrigin: '-',
        cluster: 'outbound|80||shop.example',
      }),
    ],
    'host shop.example is not registered: nobody declared this destination, and only what is declared may be called (outboundTrafficPolicy: REGISTRY_ONLY)',
    '',
    { undeclared: true, cluster: [], endpoints: undefined },
  ],
  'a service on demand that answers badly, where hosts that are not registered are refused': [
    [
      caller({ code: 500, details: 'via_upstream', ...sentTo, virtualHost: 'block_all' }),
      destination({ code: 500, details: 'via_upstream' }),
    ],
    'the application of reviews-v1.default itself answered 500',
    '',
  ],
  'an address that is not registered': [
    [
      record('outbound', 'productpage', {
        type: 'TcpConnectionEnd',
        flags: 'UH',
        cluster: 'BlackHoleCluster',
        local: '10.1.2.3:9000',
        remote: '10.0.0.1:4000',
      }),
    ],
    'address 10.1.2.3:9000 is not registered: nobody declared this destination, and only what is declared may be called (outboundTrafficPolicy: REGISTRY_ONLY)',
    '',
    { undeclared: true, cluster: [] },
  ],
  'no ALLOW rule, at a gateway': [
    [
      record('gateway', 'gateway', {
        ...usual,
        code: 403,
        details: 'rbac_access_denied_matched_policy[none]',
        cluster: '-',
        local: '10.0.0.9:8080',
        remote: '192.0.2.7:5000',
      }),
    ],
    'gateway.default has ALLOW policies, and no rule of them allows this request of 192.0.2.7',
    'AuthorizationPolicy/default/edge#spec.rules[0]',
    { considered: [{ object: 'AuthorizationPolicy/default/edge', path: 'spec.rules[0]', text: 'it asks for more' }] },
  ],
  'NR, no route table yet': [
    [caller({ code: 404, flags: 'NR', details: 'route_configuration_not_found', virtualHost: '-' })],
    'productpage.default’s proxy has not got its route table yet',
    `${route} ${service}`,
  ],
  NC: [
    [caller({ code: 503, flags: 'NC', details: 'cluster_not_found' })],
    'the route leads to outbound|9080|v1|reviews.default.svc.cluster.local that productpage.default’s proxy does not have',
    route,
  ],
  'UH, a subset without endpoints': [
    [caller({ code: 503, flags: 'UH', details: 'no_healthy_upstream' })],
    'subset v1 of reviews.default has no endpoints',
    `${service} ${route}`,
    { endpoints: 0 },
  ],
  'UH, all endpoints out': [
    [
      caller({
        code: 503,
        flags: 'UH',
        details: 'no_healthy_upstream',
        cluster: 'outbound|9080||reviews.default.svc.cluster.local',
      }),
    ],
    'reviews.default had no healthy endpoint; it has 2 now',
    `${service} ${route}`,
  ],
  'UF, refused': [
    [caller({ code: 503, flags: 'UF', ...sentTo, upstreamFailure: 'delayed_connect_error:_Connection_refused' })],
    'productpage.default could not connect to reviews.default at 10.0.0.2:9080: nothing listens at that address',
    service,
  ],
  'UF, of an address that nobody declared': [
    [
      caller({
        code: 503,
        flags: 'UF',
        ...sentTo,
        cluster: 'PassthroughCluster',
        upstreamFailure: 'Connection_refused',
        virtualHost: 'allow_any',
        authority: '10.0.0.2:9080',
      }),
    ],
    'productpage.default could not connect to 10.0.0.2:9080: nothing listens at that address',
    service,
    { undeclared: true },
  ],
  'UF, too late': [
    [caller({ code: 503, flags: 'UF', ...sentTo, details: 'upstream_reset_before_response_started{connection_timeout}' })],
    'productpage.default could not connect to reviews.default at 10.0.0.2:9080: no connection came about in time',
    service,
  ],
  'UF at the destination, whose application does not listen': [
    [
      caller({ code: 503, details: 'via_upstream', ...sentTo }),
      destination({
        code: 503,
        flags: 'URX,UF',
        endpoint: '10.0.0.2:9080',
        upstreamFailure: 'delayed_connect_error:_Connection_refused',
      }),
    ],
    'reviews-v1.default’s proxy could not connect to its own application at 10.0.0.2:9080: nothing listens at that address',
    service,
  ],
  'UF, another identity than expected': [
    [
      caller({
        code: 503,
        flags: 'UF',
        ...sentTo,
        upstreamFailure:
          'TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_SAN_matcher,_certificate_SANs_are_[spiffe://cluster.local/ns/default/sa/other]:TLS_error_end',
      }),
    ],
    'the TLS handshake failed: the destination showed a certificate of another identity than the mesh knows it by: spiffe://cluster.local/ns/default/sa/other',
    `${route} ${service}`,
  ],
  'UF, TLS to plaintext': [
    [
      caller({
        code: 503,
        flags: 'UF',
        ...sentTo,
        upstreamFailure: 'TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end',
      }),
    ],
    'the TLS handshake failed: the caller spoke TLS, and the destination answered in plaintext',
    `${route} ${service}`,
  ],
  'a caller without a certificate': [
    [
      destination({
        type: 'NotSet',
        id: '-',
        cluster: '-',
        downstreamFailure:
          'TLS_error:|268435648:SSL_routines:OPENSSL_internal:PEER_DID_NOT_RETURN_A_CERTIFICATE:peer_did_not_provide_required_client_certificate:TLS_error_end',
      }),
    ],
    'the TLS handshake failed: the caller showed no certificate where one is asked for',
    service,
  ],
  'plaintext at a port of mode STRICT': [
    [destination({ type: 'NotSet', id: '-', cluster: '-', flags: 'NR', details: 'filter_chain_not_found' })],
    'reviews-v1.default takes only mutual TLS there, and 10.0.0.1 came without it',
    'PeerAuthentication/default/strict#spec.mtls',
  ],
  'plaintext at a port of mode STRICT, told by both': [
    [
      caller({ code: 503, flags: 'UC', details: 'upstream_reset_before_response_started{connection_termination}', ...sentTo }),
      destination({ type: 'NotSet', id: '-', cluster: '-', flags: 'NR', details: 'filter_chain_not_found' }),
    ],
    'reviews-v1.default takes only mutual TLS there, and productpage.default came without it',
    'PeerAuthentication/default/strict#spec.mtls',
  ],
  'a server name that no server of a gateway has': [
    [
      record('gateway', 'gw', {
        type: 'NotSet',
        flags: 'NR',
        serverName: 'shop.example',
        remote: '1.2.3.4:5',
        local: '10.0.0.9:8443',
      }),
    ],
    'no server of the gateway’s port is for the server name shop.example',
    service,
  ],
  'RBAC, a DENY rule': [
    [
      caller({ code: 403, details: 'via_upstream', ...sentTo }),
      destination({ code: 403, details: 'rbac_access_denied_matched_policy[ns[default]-policy[no-admin]-rule[1]]' }),
    ],
    'a DENY rule of AuthorizationPolicy/default/no-admin matches this request of productpage.default',
    'AuthorizationPolicy/default/no-admin#spec.rules[1]',
  ],
  'RBAC, no ALLOW rule': [
    [
      destination({
        code: 403,
        details: 'rbac_access_denied_matched_policy[none]',
        callerIdentity: 'spiffe://cluster.local/ns/a/sa/b',
      }),
    ],
    'reviews-v1.default has ALLOW policies, and no rule of them allows this request of b.a',
    'AuthorizationPolicy/default/only-pages',
  ],
  'RBAC of a connection': [
    [
      caller({ type: 'TcpConnectionEnd', id: '-', method: '-', ...sentTo, routeOrigin: '-' }),
      destination({
        type: 'TcpConnectionEnd',
        id: '-',
        termination: 'rbac_access_denied_matched_policy[ns[default]-policy[no-db]-rule[0]]',
        closed: 'rbac_deny_close',
      }),
    ],
    'a DENY rule of AuthorizationPolicy/default/no-db matches this connection of productpage.default',
    'AuthorizationPolicy/default/no-db#spec.rules[0]',
  ],
  UT: [
    [
      caller({ code: 504, flags: 'UT', details: 'response_timeout', duration: 500, ...sentTo }),
      destination({ code: 0, flags: 'DC', duration: 499 }),
    ],
    'reviews-v1.default had not answered after 500 ms: the time for the request was over',
    route,
  ],
  'UT, of each attempt': [
    [caller({ code: 504, flags: 'UT,URX', details: 'upstream_per_try_timeout', duration: 900, ...sentTo, attempts: 3 })],
    'reviews.default had not answered after 900 ms, in 3 attempts: the time for an attempt was over',
    route,
  ],
  FI: [
    [caller({ code: 555, flags: 'FI', details: 'fault_filter_abort' })],
    'a fault of the rule aborted it with 555',
    'VirtualService/default/reviews#spec.http[0].fault.abort',
  ],
  'FI after DI': [
    [caller({ code: 500, flags: 'DI,FI', details: 'fault_filter_abort' })],
    'a fault of the rule aborted it with 500',
    'VirtualService/default/reviews#spec.http[0].fault.abort',
  ],
  UO: [[caller({ code: 503, flags: 'UO' })], 'a limit on connections or requests to the destination was reached', service],
  'UC at the destination': [
    [
      caller({ code: 503, details: 'via_upstream', ...sentTo }),
      destination({ code: 503, flags: 'UC', endpoint: '10.0.0.2:9080' }),
    ],
    'the application of reviews-v1.default closed the connection before its answer was complete',
    '',
  ],
  UR: [[caller({ code: 503, flags: 'UR', ...sentTo })], 'reviews.default reset the stream before its answer was complete', ''],
  DC: [
    [
      caller({ code: 0, flags: 'DC', details: 'downstream_remote_disconnect', duration: 40, ...sentTo }),
      destination({ code: 0, flags: 'DC' }),
    ],
    'productpage.default went away after 40 ms, before the answer was complete',
    '',
  ],
  'a token that is missing': [
    [
      caller({ code: 401, details: 'via_upstream', ...sentTo }),
      destination({ code: 401, details: 'jwt_authn_access_denied{Jwt_is_missing}' }),
    ],
    'its token (JWT) was refused: Jwt is missing',
    `${route} ${service}`,
  ],
  'what the application answers': [
    [
      caller({ code: 500, details: 'via_upstream', ...sentTo }),
      destination({ code: 500, details: 'via_upstream', endpoint: '10.0.0.2:9080' }),
    ],
    'the application of reviews-v1.default itself answered 500',
    '',
  ],
  'what a server without a proxy answers': [
    [caller({ code: 200, grpcStatus: 14, details: 'via_upstream', ...sentTo })],
    'reviews.default answered 200 with gRPC status 14 (it has no proxy whose record says more)',
    '',
  ],
};

describe('why', () => {
  for (const [name, [records, says, origins, now]] of Object.entries(cases)) {
    it(name, () => {
      assert.deepEqual(why(records, now), [says, origins]);
      assert.ok(stepsOf(only(...records), known.cluster).length > 0);
    });
  }

  it('nothing of what went well', () => {
    assert.equal(causeOf(only(caller({ code: 200, ...sentTo }), destination({ code: 200 })), known), undefined);
  });
});

test('every flag of Envoy 1.40 means something, and a request that has it alone is explained', () => {
  const harmless = ['DI', 'RFCF', 'DT'];
  for (const flag of [
    'LH',
    'UH',
    'UT',
    'LR',
    'UR',
    'UF',
    'UC',
    'UO',
    'NR',
    'DI',
    'FI',
    'RL',
    'UAEX',
    'RLSE',
    'DC',
    'URX',
    'SI',
    'IH',
    'DPE',
    'UMSDR',
    'RFCF',
    'NFCF',
    'DT',
    'UPE',
    'NC',
    'OM',
    'DF',
    'DO',
    'DR',
    'UDO',
  ]) {
    assert.ok(responseFlags[flag], flag);
    const cause = causeOf(only(caller({ code: 503, flags: flag })), known);
    assert.ok(cause !== undefined, flag);
    assert.equal(/do not say why/.test(cause.says), harmless.includes(flag), flag);
    assert.match(cause.evidence.join(), new RegExp(`\\b${flag} \\(${responseFlags[flag].long}\\)`));
    const fine = causeOf(only(caller({ code: 200, flags: flag })), known);
    assert.equal(fine === undefined, harmless.includes(flag), flag);
  }
  assert.equal(Object.keys(responseFlags).length, 30);
});

test('every detail is found by the text that Envoy writes', () => {
  for (const detail of knownDetails) {
    assert.ok(detailMeaning(`${detail}{more}`));
    const cause = causeOf(only(caller({ code: 503, details: detail })), known);
    assert.ok(cause !== undefined && !cause.says.includes('do not say why'), detail);
  }
  assert.equal(detailMeaning('via_upstream'), undefined);
});

test('what a handshake fails of, in the words of each side', () => {
  const reading: readonly [reason: string, upstream: RegExp | undefined, downstream: RegExp | undefined][] = [
    ['CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_certificate_has_expired', /has expired/, /not signed/],
    ['CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_unable_to_get_local_issuer_certificate', /not signed by/, /not signed by/],
    ['268435581:OPENSSL_internal:TLSV1_ALERT_UNKNOWN_CA', /did not accept the caller/, /did not accept the certificate/],
    ['268436498:OPENSSL_internal:SSLV3_ALERT_CERTIFICATE_UNKNOWN', /did not accept the caller/, /did not accept the certificate/],
    ['OPENSSL_internal:TLSV1_ALERT_PROTOCOL_VERSION', /no version of TLS/, /no version or cipher/],
    ['OPENSSL_internal:UNSUPPORTED_PROTOCOL', /no version of TLS/, /no version or cipher/],
    ['OPENSSL_internal:NO_SHARED_CIPHER', undefined, /no version or cipher/],
    [
      'TLS_error:error:1000009c:SSL_routines:OPENSSL_internal:HTTP_REQUEST:TLS_error_end',
      /ended the connection/,
      /spoke plaintext/,
    ],
    ['OPENSSL_internal:TLSV1_ALERT_CERTIFICATE_REQUIRED', /asked for a certificate/, undefined],
    ['OPENSSL_internal:SSLV3_ALERT_HANDSHAKE_FAILURE', /asked for a certificate/, undefined],
    ['OPENSSL_internal:TLSV1_UNRECOGNIZED_NAME', /no server of the name/, undefined],
    ['delayed_connect_error:_No_route_to_host', /cannot be reached/, undefined],
    ['delayed_connect_error:_Connection_timed_out', /in time/, undefined],
    ['immediate_connect_error:_Network_is_unreachable', /cannot be reached/, undefined],
    ['remote_connection_failure|Connection_reset_by_peer', /ended the connection/, undefined],
  ];
  for (const [reason, upstream, downstream] of reading) {
    const check = (says: string | undefined, expected: RegExp | undefined) =>
      expected === undefined || says === undefined ? assert.equal(says, expected, reason) : assert.match(says, expected, reason);
    check(upstreamFailure(reason)?.says, upstream);
    check(downstreamFailure(reason)?.says, downstream);
  }
});

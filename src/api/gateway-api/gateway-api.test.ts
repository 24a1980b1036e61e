// What the kinds of the Gateway API may say and may not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindNamed, kindOf } from '../index.ts';
import { kindTable } from '../testing/kind-table.ts';

const v1 = 'gateway.networking.k8s.io/v1';

kindTable(v1, 'GatewayClass', {
  accepted: ['{controllerName: istio.io/gateway-controller}'],
  refused: [
    ['LAT1004 spec.controllerName', '{}'],
    ['LAT1003 spec.controllerName', '{controllerName: istio}'],
  ],
});

const gateway = (listener: string): string => `{gatewayClassName: istio, listeners: [{${listener}}]}`;

kindTable(v1, 'Gateway', {
  accepted: [
    gateway('name: http, port: 80, protocol: HTTP, hostname: "*.example.com", allowedRoutes: {namespaces: {from: All}}'),
    gateway('name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}'),
    gateway('name: tls, port: 443, protocol: TLS, tls: {mode: Passthrough}'),
    gateway('name: mesh, port: 15008, protocol: HBONE'),
  ],
  refused: [
    ['LAT1004 spec.listeners', '{gatewayClassName: istio}'],
    ['LAT1003 spec.listeners', '{gatewayClassName: istio, listeners: []}'],
    ['LAT1003 spec.listeners.0.hostname', gateway('name: a, port: 80, protocol: HTTP, hostname: A.com')],
    ['LAT1001 spec.listeners.0.port', gateway('name: a, port: "80", protocol: HTTP')],
    ['LAT1802 spec.listeners.0.tls', gateway('name: a, port: 80, protocol: HTTP, tls: {mode: Terminate}')],
    ['LAT1802 spec.listeners.0.tls', gateway('name: a, port: 443, protocol: HTTPS, tls: {}')],
    ['LAT1802 spec.listeners.0.tls.mode', gateway('name: a, port: 443, protocol: HTTPS, tls: {mode: Passthrough}')],
    ['LAT1802 spec.listeners.0.hostname', gateway('name: a, port: 1, protocol: TCP, hostname: a.com')],
    ['LAT1801 spec.listeners.1.name', gateway('name: a, port: 80, protocol: HTTP}, {name: a, port: 81, protocol: HTTP')],
    ['LAT1801 spec.listeners.1', gateway('name: a, port: 80, protocol: HTTP}, {name: b, port: 80, protocol: HTTP')],
    [
      'LAT1026 spec.addresses.0.value',
      '{gatewayClassName: a, listeners: [{name: a, port: 80, protocol: HTTP}], addresses: [{value: here}]}',
    ],
  ],
});

const rule = (text: string): string => `{parentRefs: [{name: gateway}], rules: [{${text}}]}`;
const backend = 'backendRefs: [{name: reviews, port: 9080}]';

kindTable(v1, 'HTTPRoute', {
  accepted: [
    rule(`${backend}, matches: [{path: {type: PathPrefix, value: /a}, headers: [{name: x, value: y}], method: GET}]`),
    rule('filters: [{type: RequestRedirect, requestRedirect: {scheme: https, statusCode: 301}}]'),
    rule(
      `${backend}, filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}], timeouts: {request: 10s, backendRequest: 2s}`,
    ),
    rule(
      `${backend}, filters: [{type: CORS, cors: {allowOrigins: ["https://a.com"]}}, {type: RequestMirror, requestMirror: {backendRef: {name: b, port: 1}}}]`,
    ),
    '{parentRefs: [{kind: Service, group: "", name: reviews}], hostnames: ["*.a.com"]}',
  ],
  warned: [['LAT1002 spec.rules.0.backendRef', rule('backendRef: {}')]],
  refused: [
    ['LAT1803 spec.rules.0.filters.0', rule(`${backend}, filters: [{type: URLRewrite}]`)],
    ['LAT1803 spec.rules.0.filters.0.urlRewrite', rule(`${backend}, filters: [{type: CORS, cors: {}, urlRewrite: {}}]`)],
    ['LAT1803 spec.rules.0.filters.1', rule(`${backend}, filters: [{type: CORS, cors: {}}, {type: CORS, cors: {}}]`)],
    ['LAT1803 spec.rules.0.backendRefs', rule(`${backend}, filters: [{type: RequestRedirect, requestRedirect: {}}]`)],
    [
      'LAT1003 spec.rules.0.filters.0.requestRedirect.statusCode',
      rule('filters: [{type: RequestRedirect, requestRedirect: {statusCode: 300}}]'),
    ],
    ['LAT1804 spec.rules.0.matches.0.path.value', rule(`${backend}, matches: [{path: {value: a}}]`)],
    ['LAT1804 spec.rules.0.matches.0.path.value', rule(`${backend}, matches: [{path: {value: /a/../b}}]`)],
    ['LAT1024 spec.rules.0.matches.0.path.value', rule(`${backend}, matches: [{path: {type: RegularExpression, value: '('}}]`)],
    ['LAT1804 spec.rules.0.timeouts.backendRequest', rule(`${backend}, timeouts: {request: 1s, backendRequest: 2s}`)],
    ['LAT1003 spec.rules.0.timeouts.request', rule(`${backend}, timeouts: {request: 1.5s}`)],
    ['LAT1003 spec.rules.0.backendRefs.0.weight', rule('backendRefs: [{name: a, weight: 1000001}]')],
  ],
});

kindTable(v1, 'GRPCRoute', {
  accepted: [rule(`${backend}, matches: [{method: {service: a.b.C, method: D}}]`)],
  refused: [
    ['LAT1804 spec.rules.0.matches.0.method', rule('matches: [{method: {type: Exact}}]')],
    ['LAT1804 spec.rules.0.matches.0.method.service', rule('matches: [{method: {service: a/b}}]')],
  ],
});

kindTable(v1, 'TLSRoute', {
  accepted: [`{hostnames: [a.com], rules: [{${backend}}]}`],
  refused: [['LAT1004 spec.hostnames', `{rules: [{${backend}}]}`]],
});

kindTable(v1, 'TCPRoute', {
  accepted: [`{rules: [{${backend}}]}`],
  refused: [['LAT1003 spec.rules', '{rules: []}']],
});

kindTable(v1, 'ReferenceGrant', {
  accepted: ['{from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: a}], to: [{group: "", kind: Service}]}'],
  refused: [['LAT1004 spec.from.0.namespace', '{from: [{group: a, kind: B}], to: [{group: "", kind: Service}]}']],
});

const target = 'targetRefs: [{group: "", kind: Service, name: a}]';

kindTable(v1, 'BackendTLSPolicy', {
  accepted: [
    `{${target}, validation: {hostname: a.com, wellKnownCACertificates: System, subjectAltNames: [{type: URI, uri: "spiffe://a"}]}}`,
  ],
  refused: [
    ['LAT1805 spec.validation', `{${target}, validation: {hostname: a.com}}`],
    [
      'LAT1805 spec.validation.subjectAltNames.0',
      `{${target}, validation: {hostname: a.com, wellKnownCACertificates: System, subjectAltNames: [{type: URI}]}}`,
    ],
  ],
});

kindTable(v1, 'ListenerSet', {
  accepted: ['{parentRef: {name: gateway}, listeners: [{name: a, port: 80, protocol: HTTP}]}'],
  refused: [['LAT1004 spec.parentRef', '{listeners: [{name: a, port: 80, protocol: HTTP}]}']],
});

test('has words of its own for kinds that Istio has too', () => {
  assert.equal(kindNamed('gtw')?.group, 'gateway.networking.k8s.io');
  assert.equal(kindNamed('gateways.gateway.networking.k8s.io')?.group, 'gateway.networking.k8s.io');
  assert.equal(kindOf('gateway.networking.k8s.io/v1', 'Gateway')?.shortNames[0], 'gtw');
  assert.equal(kindOf('gateway.networking.x-k8s.io/v1alpha1', 'XListenerSet')?.plural, 'xlistenersets');
});

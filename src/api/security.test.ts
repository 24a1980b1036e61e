// What AuthorizationPolicies, PeerAuthentications and RequestAuthentications may say and may not.

import { kindTable } from './testing/kind-table.ts';

const rule = (text: string, action = 'ALLOW'): string => `{action: ${action}, rules: [{${text}}]}`;

kindTable('security.istio.io/v1', 'AuthorizationPolicy', {
  accepted: [
    '{}',
    'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: deny-all}\n',
    '{rules: [{}]}',
    '{action: DENY, rules: [{}]}',
    rule(
      'from: [{source: {principals: [cluster.local/ns/default/sa/curl], notNamespaces: [dev]}}], to: [{operation: {methods: [GET], paths: ["/info*", "/a/{*}/b/{**}"]}}]',
    ),
    rule('when: [{key: "request.auth.claims[iss]", values: [https://a.com]}, {key: source.ip, notValues: [10.0.0.0/8]}]'),
    rule('to: [{operation: {ports: ["8080"], methods: [POST]}}]', 'DENY'),
    '{action: CUSTOM, provider: {name: ext}, rules: [{to: [{operation: {paths: [/admin]}}]}]}',
    '{targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: waypoint}], rules: [{}]}',
  ],
  warned: [['LAT1710 spec.rules.0', rule('to: [{operation: {methods: [POST]}}]', 'DENY')]],
  refused: [
    ['LAT1704 spec.provider', '{action: CUSTOM, rules: [{}]}'],
    ['LAT1704 spec.rules', '{action: CUSTOM, provider: {name: a}}'],
    ['LAT1704 spec.provider', '{provider: {name: a}, rules: [{}]}'],
    ['LAT1705 spec.rules', '{action: DENY}'],
    ['LAT1028 spec', '{selector: {matchLabels: {a: b}}, targetRefs: [{kind: Service, name: a}]}'],
    ['LAT1028 spec.targetRef.kind', '{targetRef: {kind: Pod, name: a}}'],
    ['LAT1027 spec.selector.matchLabels.a', '{selector: {matchLabels: {a: "*"}}}'],
    ['LAT1703 spec.rules.0.from', rule('from: []')],
    ['LAT1703 spec.rules.0.from.0.source', rule('from: [{source: {}}]')],
    ['LAT1703 spec.rules.0.from.0.source', rule('from: [{}]')],
    ['LAT1703 spec.rules.0.to.0.operation.methods', rule('to: [{operation: {methods: []}}]')],
    ['LAT1703 spec.rules.0.to.0.operation.paths.0', rule('to: [{operation: {paths: [""]}}]')],
    ['LAT1026 spec.rules.0.from.0.source.ipBlocks.0', rule('from: [{source: {ipBlocks: [1.2.3]}}]')],
    ['LAT1707 spec.rules.0.from.0.source.serviceAccounts', rule('from: [{source: {serviceAccounts: [a], namespaces: [b]}}]')],
    ['LAT1708 spec.rules.0.to.0.operation.ports.0', rule('to: [{operation: {ports: [http]}}]')],
    ['LAT1001 spec.rules.0.to.0.operation.ports.0', rule('to: [{operation: {ports: [80]}}]')],
    ['LAT1709 spec.rules.0.to.0.operation.paths.0', rule('to: [{operation: {paths: ["/{**}/a"]}}]')],
    ['LAT1709 spec.rules.0.to.0.operation.paths.0', rule('to: [{operation: {paths: ["/a{*}"]}}]')],
    ['LAT1701 spec.rules.0.when.0.key', rule('when: [{key: request.header, values: [a]}]')],
    ['LAT1701 spec.rules.0.when.0', rule('when: [{key: source.ip}]')],
    ['LAT1701 spec.rules.0.when.0.values.0', rule('when: [{key: destination.port, values: [http]}]')],
    [
      'LAT1702 spec.rules.0.from.0.source.principals',
      '{action: CUSTOM, provider: {name: a}, rules: [{from: [{source: {principals: [a]}}]}]}',
    ],
    ['LAT1003 spec.action', '{action: REFUSE}'],
    [
      'LAT1706 metadata.annotations.istio.io/dry-run',
      'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a, annotations: {istio.io/dry-run: maybe}}',
    ],
  ],
});

kindTable('security.istio.io/v1', 'PeerAuthentication', {
  accepted: ['{}', '{mtls: {mode: STRICT}}', '{selector: {matchLabels: {app: a}}, portLevelMtls: {8080: {mode: DISABLE}}}'],
  refused: [
    ['LAT1003 spec.mtls.mode', '{mtls: {mode: strict}}'],
    ['LAT1730 spec.portLevelMtls', '{portLevelMtls: {80: {mode: STRICT}}}'],
    ['LAT1730 spec.portLevelMtls', '{selector: {matchLabels: {a: b}}, portLevelMtls: {}}'],
    ['LAT1730 spec.portLevelMtls.http', '{selector: {matchLabels: {a: b}}, portLevelMtls: {http: {mode: STRICT}}}'],
  ],
});

const jwt = (text: string): string => `{jwtRules: [{${text}}]}`;

kindTable('security.istio.io/v1', 'RequestAuthentication', {
  accepted: [
    jwt('issuer: a, jwksUri: https://a.com/keys, fromHeaders: [{name: x-jwt, prefix: "Bearer "}], timeout: 5s'),
    jwt(`issuer: a, jwks: '{"keys":[{"kty":"RSA","e":"AQAB","n":"abc"}]}'`),
  ],
  refused: [
    ['LAT1720 spec.jwtRules.0', jwt('audiences: [a]')],
    ['LAT1720 spec.jwtRules.0.jwksUri', jwt('jwksUri: ftp://a')],
    ['LAT1720 spec.jwtRules.0.jwks', jwt('issuer: a, jwks: "{}"')],
    ['LAT1721 spec.jwtRules.0.audiences.0', jwt('issuer: a, audiences: [""]')],
    [
      'LAT1722 spec.jwtRules.0.outputClaimToHeaders.1.header',
      jwt('issuer: a, outputClaimToHeaders: [{header: x, claim: a}, {header: X, claim: b}]'),
    ],
    [
      'LAT1003 spec.jwtRules.0.outputClaimToHeaders.0.header',
      jwt('issuer: a, outputClaimToHeaders: [{header: "x y", claim: a}]'),
    ],
  ],
});

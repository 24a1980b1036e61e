// What each field of a rule becomes in Envoy's RBAC.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRegistry, fromBinary, toJson } from '@bufbuild/protobuf';
import { RBACSchema } from '../../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { UriTemplateMatchConfigSchema } from '../../../gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js';
import { httpRbac, type RbacFilters } from './rbac.ts';
import { context, policy } from './test-policies.ts';

const registry = createRegistry(UriTemplateMatchConfigSchema);
const httpJson = ({ filters }: RbacFilters) =>
  filters.map(({ config }) => toJson(RBACSchema, fromBinary(RBACSchema, config.value), { registry }));

const spiffe = (text: string) => ({ authenticated: { principalName: { exact: `spiffe://${text}` } } });
const peer = (regex: string) => ({ authenticated: { principalName: { safeRegex: { regex } } } });
const token = (path: string[], value: unknown) => ({
  metadata: { filter: 'envoy.filters.http.jwt_authn', path: ['payload', ...path].map((key) => ({ key })), value },
});
const claimed = (path: string[], matcher: unknown) =>
  token(path, { orMatch: { valueMatchers: [{ stringMatch: matcher }, { listMatch: { oneOf: { stringMatch: matcher } } }] } });

const any = { any: true };

/** A condition of `from.source`, and the principal it becomes. */
const sources: Readonly<Record<string, unknown>> = {
  'principals: [td1/ns/a/sa/b]': { orIds: { ids: [spiffe('td1/ns/a/sa/b'), spiffe('td2/ns/a/sa/b')] } },
  'principals: [cluster.local/ns/a/sa/b]': { orIds: { ids: [spiffe('td1/ns/a/sa/b'), spiffe('td2/ns/a/sa/b')] } },
  'principals: [other/ns/a/sa/b]': spiffe('other/ns/a/sa/b'),
  'principals: [td1/ns/a/sa/*]': {
    orIds: { ids: ['td1', 'td2'].map((td) => ({ authenticated: { principalName: { prefix: `spiffe://${td}/ns/a/sa/` } } })) },
  },
  'principals: ["*"]': peer('.+'),
  'principals: ["*/sa/a.b(c)"]': peer('spiffe://.*/sa/a\\.b\\(c\\)'),
  'principals: ["*/ns/a/sa/b"]': peer('spiffe://.*/ns/a/sa/b'),
  'principals: ["*1/ns/a/sa/b"]': {
    orIds: { ids: [peer('spiffe://.*1/ns/a/sa/b'), spiffe('td2/ns/a/sa/b')] },
  },
  'notPrincipals: [x]': { notId: spiffe('x') },
  'namespaces: [a.b]': peer('.*/ns/a\\.b/.*'),
  'namespaces: ["prod-*"]': peer('.*/ns/prod-.*/.*'),
  'namespaces: ["*"]': peer('.*/ns/.*/.*'),
  'serviceAccounts: [sleep]': peer('spiffe://.+/ns/foo/(.+/|)sa/sleep(/.+)?'),
  'serviceAccounts: [bar/sl.ep]': peer('spiffe://.+/ns/bar/(.+/|)sa/sl\\.ep(/.+)?'),
  'trustDomains: [td2]': {
    orIds: { ids: ['td1', 'td2'].map((td) => ({ authenticated: { principalName: { prefix: `spiffe://${td}/` } } })) },
  },
  'trustDomains: ["*.org"]': peer('spiffe://[^/]*\\.org/.*'),
  'ipBlocks: [10.1.2.3]': { directRemoteIp: { addressPrefix: '10.1.2.3', prefixLen: 32 } },
  'ipBlocks: [10.1.0.0/16, "2001:db8::/32"]': {
    orIds: {
      ids: [
        { directRemoteIp: { addressPrefix: '10.1.0.0', prefixLen: 16 } },
        { directRemoteIp: { addressPrefix: '2001:db8::', prefixLen: 32 } },
      ],
    },
  },
  'notRemoteIpBlocks: [10.0.0.0/8]': { notId: { remoteIp: { addressPrefix: '10.0.0.0', prefixLen: 8 } } },
  'requestPrincipals: [https://i.example/s]': {
    andIds: {
      ids: [token(['iss'], { stringMatch: { exact: 'https://i.example' } }), token(['sub'], { stringMatch: { exact: 's' } })],
    },
  },
  'requestPrincipals: ["*"]': {
    andIds: {
      ids: [
        token(['iss'], { stringMatch: { safeRegex: { regex: '.+' } } }),
        token(['sub'], { stringMatch: { safeRegex: { regex: '.+' } } }),
      ],
    },
  },
  'requestPrincipals: [i/*]': {
    andIds: {
      ids: [token(['iss'], { stringMatch: { exact: 'i' } }), token(['sub'], { stringMatch: { safeRegex: { regex: '.+' } } })],
    },
  },
  'requestPrincipals: ["*i/s"]': {
    andIds: { ids: [token(['iss'], { stringMatch: { suffix: 'i' } }), token(['sub'], { stringMatch: { exact: 's' } })] },
  },
  'principals: [x], namespaces: [y], notIpBlocks: [1.1.1.1]': {
    andIds: {
      ids: [spiffe('x'), peer('.*/ns/y/.*'), { notId: { directRemoteIp: { addressPrefix: '1.1.1.1', prefixLen: 32 } } }],
    },
  },
};

for (const [yaml, principal] of Object.entries(sources)) {
  test(`source {${yaml}}`, () => {
    const key = 'ns[foo]-policy[p]-rule[0]';
    const made = httpRbac([policy(`{rules: [{from: [{source: {${yaml}}}]}]}`)], context);
    assert.deepEqual(made.diagnostics, []);
    assert.deepEqual(httpJson(made), [{ rules: { policies: { [key]: { permissions: [any], principals: [principal] } } } }]);
  });
}

/** A condition of `to.operation`, and the permission it becomes. */
const operations: Readonly<Record<string, unknown>> = {
  'hosts: [Example.com]': { header: { name: ':authority', stringMatch: { exact: 'Example.com', ignoreCase: true } } },
  'hosts: ["*.example.com"]': { header: { name: ':authority', stringMatch: { suffix: '.example.com', ignoreCase: true } } },
  'hosts: ["example.com:*"]': { header: { name: ':authority', stringMatch: { prefix: 'example.com:', ignoreCase: true } } },
  'hosts: ["*"]': { header: { name: ':authority', presentMatch: true } },
  'methods: [GET, P*]': {
    orRules: {
      rules: [
        { header: { name: ':method', stringMatch: { exact: 'GET' } } },
        { header: { name: ':method', stringMatch: { prefix: 'P' } } },
      ],
    },
  },
  'paths: [/a]': { urlPath: { path: { exact: '/a' } } },
  'paths: ["/a*"]': { urlPath: { path: { prefix: '/a' } } },
  'paths: ["*.html"]': { urlPath: { path: { suffix: '.html' } } },
  'paths: ["*"]': { urlPath: { path: { safeRegex: { regex: '.+' } } } },
  'paths: [/pkg.Service/Method]': { urlPath: { path: { exact: '/pkg.Service/Method' } } },
  'paths: ["/a/{b}"]': { urlPath: { path: { exact: '/a/{b}' } } },
  'paths: ["/a/{*}/b/{**}"]': {
    uriTemplate: {
      name: 'envoy.path.match.uri_template.uri_template_matcher',
      typedConfig: {
        '@type': 'type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig',
        pathTemplate: '/a/*/b/**',
      },
    },
  },
  'ports: ["80"], notMethods: [DELETE]': {
    andRules: {
      rules: [{ notRule: { header: { name: ':method', stringMatch: { exact: 'DELETE' } } } }, { destinationPort: 80 }],
    },
  },
};

for (const [yaml, permission] of Object.entries(operations)) {
  test(`operation {${yaml}}`, () => {
    const made = httpRbac([policy(`{rules: [{to: [{operation: {${yaml}}}]}]}`)], context);
    assert.deepEqual(made.diagnostics, []);
    assert.deepEqual(httpJson(made), [
      { rules: { policies: { 'ns[foo]-policy[p]-rule[0]': { permissions: [permission], principals: [any] } } } },
    ]);
  });
}

/** A `when` condition, and the principal or permission it becomes. */
const conditions: Readonly<Record<string, { readonly who?: unknown; readonly what?: unknown }>> = {
  'key: "request.headers[User-Agent]", values: ["Mozilla/*"]': {
    who: { header: { name: 'User-Agent', stringMatch: { prefix: 'Mozilla/' } } },
  },
  'key: "request.headers[x]", values: ["*"]': { who: { header: { name: 'x', presentMatch: true } } },
  'key: source.ip, values: [10.0.0.0/8]': { who: { directRemoteIp: { addressPrefix: '10.0.0.0', prefixLen: 8 } } },
  'key: remote.ip, notValues: [10.0.0.1]': { who: { notId: { remoteIp: { addressPrefix: '10.0.0.1', prefixLen: 32 } } } },
  'key: source.namespace, values: [a]': { who: peer('.*/ns/a/.*') },
  'key: source.principal, values: [x]': { who: spiffe('x') },
  'key: source.serviceAccount, values: [a]': { who: peer('spiffe://.+/ns/foo/(.+/|)sa/a(/.+)?') },
  'key: source.trustDomain, values: [other]': { who: { authenticated: { principalName: { prefix: 'spiffe://other/' } } } },
  'key: request.auth.audiences, values: [a]': { who: claimed(['aud'], { exact: 'a' }) },
  'key: request.auth.presenter, values: [a]': { who: claimed(['azp'], { exact: 'a' }) },
  'key: "request.auth.claims[groups]", values: [g]': { who: claimed(['groups'], { exact: 'g' }) },
  'key: "request.auth.claims[realm][roles]", values: ["g*"]': { who: claimed(['realm', 'roles'], { prefix: 'g' }) },
  'key: destination.ip, values: [10.0.0.9]': { what: { destinationIp: { addressPrefix: '10.0.0.9', prefixLen: 32 } } },
  'key: destination.port, values: ["80"]': { what: { destinationPort: 80 } },
  'key: connection.sni, values: ["*.example.com"]': { what: { requestedServerName: { suffix: '.example.com' } } },
  'key: "experimental.envoy.filters.network.mysql_proxy[db.t]", values: ["[select]"]': {
    what: {
      metadata: {
        filter: 'envoy.filters.network.mysql_proxy',
        path: [{ key: 'db.t' }],
        value: { listMatch: { oneOf: { stringMatch: { exact: 'select' } } } },
      },
    },
  },
};

for (const [yaml, { who, what }] of Object.entries(conditions)) {
  test(`when {${yaml}}`, () => {
    const made = httpRbac([policy(`{rules: [{when: [{${yaml}}]}]}`)], context);
    assert.deepEqual(made.diagnostics, []);
    assert.deepEqual(httpJson(made), [
      { rules: { policies: { 'ns[foo]-policy[p]-rule[0]': { permissions: [what ?? any], principals: [who ?? any] } } } },
    ]);
  });
}

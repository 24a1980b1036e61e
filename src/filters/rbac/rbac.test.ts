// What a workload's policies become together, what that does to requests, and what a person hears of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBinary, toJson } from '@bufbuild/protobuf';
import { RBACSchema as HttpRbacSchema } from '../../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { RBACSchema as NetworkRbacSchema } from '../../../gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import { diagnosticText } from '../../api/diagnostic.ts';
import { httpRbac, tcpRbac, type RbacFilters } from './rbac.ts';
import { verdict, type TestRequest } from './test-evaluator.ts';
import { connection, context, policy, request } from './test-policies.ts';

const httpJson = ({ filters }: RbacFilters) =>
  filters.map(({ config }) => toJson(HttpRbacSchema, fromBinary(HttpRbacSchema, config.value)));
const tcpJson = ({ filters }: RbacFilters) =>
  filters.map(({ config }) => toJson(NetworkRbacSchema, fromBinary(NetworkRbacSchema, config.value)));

const any = { any: true };

test('CUSTOM, then DENY, then ALLOW, whatever the order of the policies; nothing for none', () => {
  const rules = 'rules: [{}]';
  const policies = [
    policy(`{action: ALLOW, ${rules}}`, 'allow'),
    policy(`{action: AUDIT, ${rules}}`, 'audit'),
    policy(`{action: DENY, ${rules}}`, 'deny'),
    policy(`{action: CUSTOM, provider: {name: x}, ${rules}}`, 'custom'),
  ];
  const all = { permissions: [any], principals: [any] };
  assert.deepEqual(httpJson(httpRbac(policies, context)), [
    {
      rules: {
        action: 'DENY',
        policies: { 'istio-ext-authz-ns[foo]-policy[custom]-rule[0]-deny-due-to-bad-CUSTOM-action': all },
      },
    },
    { rules: { action: 'DENY', policies: { 'ns[foo]-policy[deny]-rule[0]': all } } },
    { rules: { policies: { 'ns[foo]-policy[allow]-rule[0]': all } } },
  ]);
  assert.deepEqual(httpRbac([], context).filters, []);
  assert.deepEqual(tcpRbac([], context).filters, []);
});

test('the network filters have Istio’s statistics prefix', () => {
  assert.deepEqual(tcpJson(tcpRbac([policy('{rules: [{}]}')], context)), [
    { rules: { policies: { 'ns[foo]-policy[p]-rule[0]': { permissions: [any], principals: [any] } } }, statPrefix: 'tcp.' },
  ]);
});

test('dry runs are evaluated beside what is enforced', () => {
  const dry = policy('{action: DENY, rules: [{}]}', 'dry', { 'istio.io/dry-run': 'true' });
  const never = { permissions: [{ notRule: any }], principals: [{ notId: any }] };
  const all = { permissions: [any], principals: [any] };
  const shadow = { shadowRules: { action: 'DENY', policies: { 'ns[foo]-policy[dry]-rule[0]': all } } };
  const prefix = { shadowRulesStatPrefix: 'istio_dry_run_deny_' };
  assert.deepEqual(httpJson(httpRbac([dry], context)), [{ ...shadow, ...prefix }]);
  assert.deepEqual(httpJson(httpRbac([dry, policy('{action: DENY}')], context)), [
    { rules: { action: 'DENY', policies: { 'ns[foo]-policy[p]-rule[0]': never } }, ...shadow, ...prefix },
  ]);
});

test('causes name the object and field behind each key', () => {
  const { causes } = httpRbac([policy('{action: DENY, rules: [{}, {}]}', 'd'), policy('{}', 'a')], context);
  const object = { group: 'security.istio.io', kind: 'AuthorizationPolicy', namespace: 'foo' };
  assert.deepEqual(
    [...causes],
    [
      ['ns[foo]-policy[d]-rule[0]', { object: { ...object, name: 'd' }, path: ['spec', 'rules', 0] }],
      ['ns[foo]-policy[d]-rule[1]', { object: { ...object, name: 'd' }, path: ['spec', 'rules', 1] }],
      ['ns[foo]-policy[a]-rule[0]', { object: { ...object, name: 'a' }, path: ['spec'] }],
    ],
  );
});

/** A policy's spec, a request, and whether it passes. */
const decisions: readonly (readonly [about: string, spec: string, request: TestRequest, allowed: boolean])[] = [
  ['an empty spec denies everything', '{}', request(), false],
  ['an empty rule allows everything', '{rules: [{}]}', request({ identity: undefined }), true],
  ['an empty `from` asks nothing', '{rules: [{from: []}]}', request({ identity: undefined }), true],
  ['DENY without rules denies nothing', '{action: DENY}', request(), true],
  [
    'a path is matched without its query',
    '{rules: [{to: [{operation: {paths: [/get]}}]}]}',
    request({ path: '/get?x=/a' }),
    true,
  ],
  ['a host is matched in any case', '{rules: [{to: [{operation: {hosts: [HTTPBIN.foo]}}]}]}', request(), true],
  [
    'a host is matched with its port',
    '{rules: [{to: [{operation: {hosts: [httpbin.foo]}}]}]}',
    request({ host: 'httpbin.foo:80' }),
    false,
  ],
  ['a dot in a name is a dot', '{rules: [{from: [{source: {namespaces: [f.o]}}]}]}', request(), false],
  ['a principal suffix is text', '{rules: [{from: [{source: {principals: ["*/sa/s.eep"]}}]}]}', request(), false],
  [
    'a service account ends where it ends',
    '{rules: [{from: [{source: {serviceAccounts: [foo/sleep]}}]}]}',
    request({ identity: 'spiffe://td1/ns/foo/sa/sleep-2' }),
    false,
  ],
  [
    'an alias of the trust domain is the mesh',
    '{rules: [{from: [{source: {principals: [td1/ns/foo/sa/sleep]}}]}]}',
    request({ identity: 'spiffe://td2/ns/foo/sa/sleep' }),
    true,
  ],
  ['no identity, no principal', '{rules: [{from: [{source: {principals: ["*"]}}]}]}', request({ identity: undefined }), false],
  [
    'no identity is not a principal',
    '{rules: [{from: [{source: {notPrincipals: [x]}}]}]}',
    request({ identity: undefined }),
    true,
  ],
  ['without a token an ALLOW on it never matches', '{rules: [{from: [{source: {requestPrincipals: ["*"]}}]}]}', request(), false],
  [
    'without a token a DENY on its absence matches',
    '{action: DENY, rules: [{from: [{source: {notRequestPrincipals: ["*"]}}]}]}',
    request(),
    false,
  ],
  [
    'with a token it does not',
    '{action: DENY, rules: [{from: [{source: {notRequestPrincipals: ["*"]}}]}]}',
    request({ metadata: { 'envoy.filters.http.jwt_authn': { payload: { iss: 'i', sub: 's' } } } }),
    true,
  ],
  [
    'a claim may be a list',
    '{rules: [{when: [{key: "request.auth.claims[a][b]", values: [x]}]}]}',
    request({ metadata: { 'envoy.filters.http.jwt_authn': { payload: { a: { b: ['w', 'x'] } } } } }),
    true,
  ],
  ['alternatives of `to`', '{rules: [{to: [{operation: {methods: [PUT]}}, {operation: {methods: [GET]}}]}]}', request(), true],
  [
    '`when` holds for every alternative',
    '{rules: [{from: [{source: {}}], when: [{key: source.ip, values: [9.9.9.9]}]}]}',
    request(),
    false,
  ],
  [
    'one value of a repeated header is enough',
    '{rules: [{when: [{key: "request.headers[X]", values: [b]}]}]}',
    request({ headers: { x: ['a', 'b'] } }),
    true,
  ],
  ['a template’s segment', '{rules: [{to: [{operation: {paths: ["/a/{*}/c"]}}]}]}', request({ path: '/a/b/c?d' }), true],
  ['not two segments', '{rules: [{to: [{operation: {paths: ["/a/{*}/c"]}}]}]}', request({ path: '/a/b/b/c' }), false],
  ['any segments', '{rules: [{to: [{operation: {paths: ["/a/{**}"]}}]}]}', request({ path: '/a/b/b/c' }), true],
];

for (const [about, spec, asked, allowed] of decisions) {
  test(about, () => assert.equal(verdict(httpRbac([policy(spec)], context).filters, asked).allowed, allowed));
}

test('an ALLOW rule that needs HTTP allows no TCP connection, and says so', () => {
  const made = tcpRbac(
    [policy('{rules: [{to: [{operation: {ports: ["8000"]}}, {operation: {methods: [GET], paths: [/a, /b]}}]}]}')],
    context,
  );
  assert.deepEqual(verdict(made.filters, connection()), { allowed: false, policy: undefined });
  assert.deepEqual(made.diagnostics.map(diagnosticText), [
    'policy.yaml:8:1: warning LAT0601 AuthorizationPolicy/foo/p spec.rules[0].to[1].operation.methods: request.method is known of ' +
      'HTTP requests only: on TCP ports this rule never matches, and so allows nothing (limit the rule to HTTP ports with `ports`, ' +
      'or give TCP ports a rule of their own)',
    'policy.yaml:8:1: warning LAT0601 AuthorizationPolicy/foo/p spec.rules[0].to[1].operation.paths: request.path is known of ' +
      'HTTP requests only: on TCP ports this rule never matches, and so allows nothing (limit the rule to HTTP ports with `ports`, ' +
      'or give TCP ports a rule of their own)',
  ]);
});

test('a DENY rule does without what needs HTTP, so it denies more TCP connections, and says so', () => {
  const made = tcpRbac(
    [
      policy(
        '{action: DENY, rules: [{to: [{operation: {ports: ["8000"], paths: [/a]}}], when: [{key: "request.headers[x]", values: [a]}]}]}',
      ),
    ],
    context,
  );
  assert.equal(verdict(made.filters, connection()).allowed, false);
  assert.equal(verdict(made.filters, connection({ port: 8001 })).allowed, true);
  assert.deepEqual(
    made.diagnostics.map(({ code, severity, path, line }) => [code, severity, path.join('.'), line]),
    [
      ['LAT0601', 'warning', 'spec.rules.0.when.0.values', 7],
      ['LAT0601', 'warning', 'spec.rules.0.to.0.operation.paths', 8],
    ],
  );
});

test('what TCP connections lack is worth a word only where a rule and a TCP port meet', () => {
  const denyAt = (ports: string) => policy(`{action: DENY, rules: [{to: [{operation: {${ports} paths: [/a]}}]}]}`);
  const words = (ports: string, tcpPorts?: readonly number[]) => tcpRbac([denyAt(ports)], context, tcpPorts).diagnostics.length;
  assert.equal(words('', []), 0);
  assert.equal(words('', [9000]), 1);
  assert.equal(words('ports: ["80"],', [9000]), 0);
  assert.equal(words('ports: ["80", "9000"],', [9000]), 1);
  assert.equal(words('notPorts: ["9000"],', [9000]), 0);
  assert.equal(words('notPorts: ["80"],'), 1);
  assert.deepEqual(httpRbac([denyAt('')], context).diagnostics, []);
});

/** Values of which no matcher can be made: Envoy would refuse the listener, or die. */
const useless: Readonly<Record<string, string>> = {
  'to: [{operation: {ports: [http]}}]': '"http" is not a port',
  'to: [{operation: {ports: ["65536"]}}]': '"65536" is not a port',
  'to: [{operation: {paths: ["/a{*}"]}}]': '"/a{*}" is not a path template',
  'to: [{operation: {paths: ["a/{*}"]}}]': '"a/{*}" is not a path template',
  'to: [{operation: {paths: ["/{**}/{*}"]}}]': '"/{**}/{*}" is not a path template',
  'to: [{operation: {paths: ["/é/{*}"]}}]': '"/é/{*}" is not a path template',
  'to: [{operation: {paths: ["//{*}"]}}]': '"//{*}" is not a path template',
  'from: [{source: {ipBlocks: [10.0.0.0/33]}}]': '"10.0.0.0/33" is not an IP address',
  'from: [{source: {ipBlocks: [010.0.0.1]}}]': '"010.0.0.1" is not an IP address',
  'from: [{source: {ipBlocks: ["1::2::3"]}}]': '"1::2::3" is not an IP address',
  'from: [{source: {ipBlocks: [""]}}]': '"" is not an IP address',
  'when: [{key: request.header, values: [x]}]': '"x" is for the key request.header, which is not known',
  'when: [{key: "request.headers[]", values: [x]}]': '"x" is for the key request.headers[], which is not known',
  'when: [{key: "request.headers[a\\nb]", values: [x]}]': '"x" is for a header that cannot be',
  [`from: [{source: {namespaces: [${'a'.repeat(1025)}]}}]`]: `"${'a'.repeat(1025)}" is too long`,
};

for (const [rule, message] of Object.entries(useless)) {
  test(`no matcher: ${rule.slice(0, 60)}`, () => {
    const allow = httpRbac([policy(`{rules: [{${rule}}, {to: [{operation: {methods: [PUT]}}]}]}`)], context);
    assert.equal(allow.diagnostics.length, 1);
    assert.equal(allow.diagnostics[0]?.message.slice(0, message.length), message);
    assert.equal(allow.diagnostics[0]?.code, 'LAT0602');
    // The rule is gone, the next one is there.
    assert.equal(verdict(allow.filters, request()).allowed, false);
    assert.equal(verdict(allow.filters, request({ method: 'PUT' })).allowed, true);
    // A DENY rule errs on the side of denial.
    assert.equal(verdict(httpRbac([policy(`{action: DENY, rules: [{${rule}}]}`)], context).filters, request()).allowed, false);
  });
}

test('addresses that can be read', () => {
  const addresses = [
    '0.0.0.0/0',
    '255.255.255.255',
    '::',
    '::/0',
    '::1',
    '1::',
    'fe80::1/10',
    '::ffff:1.2.3.4',
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:1.2.3.4',
  ];
  const wrong = [
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    ':1',
    '1.2.3',
    '1.2.3.4/',
    '1.2.3.4/-1',
    '1.2.3.4/8/8',
    'fe80::1%eth0',
    '1.2.3.4::',
    'g::',
  ];
  const count = (list: readonly string[]) =>
    httpRbac([policy({ action: 'DENY', rules: [{ from: [{ source: { ipBlocks: [...list] } }] }] })], context).diagnostics.length;
  assert.equal(count(addresses), 0);
  for (const address of wrong) assert.equal(count([address]), 1, address);
});

test('a CUSTOM policy denies what it would ask about, for its provider is unknown or not asked yet', () => {
  const custom = policy('{action: CUSTOM, provider: {name: authz}, rules: [{to: [{operation: {paths: [/admin]}}]}]}');
  const http = { name: 'authz', envoyExtAuthzHttp: { service: 'a.b', port: 80 } };
  const grpc = { name: 'authz', envoyExtAuthzGrpc: { service: 'a.b', port: 80 } };
  const tracer = { name: 'authz', zipkin: { service: 'a.b', port: 80 } };
  const outcomes = [[], [http], [grpc], [tracer]].map((extensionProviders) => {
    const providers = { ...context, extensionProviders };
    const made = httpRbac([custom], providers);
    return [
      made.diagnostics.map(({ code }) => code).join(),
      verdict(made.filters, request({ path: '/admin' })).allowed,
      verdict(made.filters, request()).allowed,
      verdict(tcpRbac([custom], providers).filters, connection()).allowed,
    ];
  });
  assert.deepEqual(outcomes, [
    ['LAT0603', false, true, false],
    // A provider that speaks of HTTP is not asked about TCP.
    ['LAT0001', false, true, true],
    ['LAT0001', false, true, false],
    ['LAT0603', false, true, false],
  ]);
});

test('AUDIT changes nothing, and says that it is not in effect', () => {
  const made = httpRbac([policy('{action: AUDIT, rules: [{}]}')], context);
  assert.deepEqual(made.filters, []);
  assert.deepEqual(
    made.diagnostics.map(({ code, path }) => [code, path.join('.')]),
    [['LAT0001', 'spec.action']],
  );
});

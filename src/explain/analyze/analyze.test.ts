import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../api/decode.ts';
import { meshConfigDefaults } from '../../api/mesh-config.ts';
import { pathText } from '../../api/object.ts';
import { readManifest } from '../../sources/manifest.ts';
import { analyze } from './analyze.ts';
import { suppressionOf } from './suppression.ts';

const objectsOf = (text: string) => readManifest(text, 'f.yaml', decode).items.flatMap(({ object }) => object ?? []);

function found(text: string, options: { whole?: boolean; suppress?: string[] } = {}): string[] {
  const { whole = false, suppress = [] } = options;
  const suppressions = suppress.flatMap((one) => suppressionOf(one) ?? []);
  const { diagnostics } = analyze({ objects: objectsOf(text), meshConfig: meshConfigDefaults(), whole }, { suppressions });
  return diagnostics
    .filter(({ code }) => code !== 'LAT0001')
    .map(({ severity, code, object, path }) => `${severity} ${code} ${object?.kind}/${object?.name} ${pathText(path)}`);
}

const service = (name: string, ports = '[{name: http, port: 80}]', more = ''): string => `---
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {selector: {app: ${name}}, ports: ${ports}${more}}
`;
const deployment = (name: string, version = 'v1'): string => `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}-${version}}
spec:
  selector: {matchLabels: {app: ${name}, version: ${version}}}
  template:
    metadata: {labels: {app: ${name}, version: ${version}}}
    spec: {serviceAccountName: ${name}, containers: [{name: app, image: ${name}}]}
`;
const rules = (name: string, spec: string, kind = 'VirtualService'): string => `---
apiVersion: ${kind === 'AuthorizationPolicy' || kind === 'PeerAuthentication' ? 'security' : 'networking'}.istio.io/v1
kind: ${kind}
metadata: {name: ${name}}
spec: ${spec}
`;
const shop = service('shop') + deployment('shop');
const to = 'route: [{destination: {host: shop}}]';
const http = (...list: string[]): string => shop + rules('shop', `{hosts: [shop], http: [${list.join(', ')}]}`);

test('what is right has no finding', () => {
  assert.deepEqual(found(http(`{match: [{uri: {prefix: /a}}], ${to}}, {${to}}`)), []);
  assert.deepEqual(found(''), []);
});

const unreachable: readonly (readonly [hidden: boolean, earlier: string, later: string])[] = [
  [true, '{uri: {prefix: /api}}', '{uri: {prefix: /api/v1}}'],
  [true, '{uri: {prefix: /api}}', '{uri: {exact: /api/v1}, method: {exact: GET}}'],
  [true, '{uri: {prefix: /api}}', '{uri: {regex: "/api/[0-9]+"}}'],
  [true, '{uri: {regex: "/api/[0-9]+"}}', '{uri: {exact: /api/17}}'],
  [true, '{uri: {prefix: /API}, ignoreUriCase: true}', '{uri: {prefix: /api/v1}}'],
  [true, '{headers: {x: {}}}', '{headers: {x: {exact: a}}, uri: {prefix: /}}'],
  [true, '{headers: {X-User: {prefix: ja}}}', '{headers: {x-user: {exact: jason}}}'],
  [true, '{withoutHeaders: {x: {exact: a}}}', '{headers: {x: {exact: b}}}'],
  [true, '{withoutHeaders: {x: {exact: a}}}', '{withoutHeaders: {x: {}}}'],
  [true, '{queryParams: {q: {}}}', '{queryParams: {q: {exact: "1"}}, uri: {exact: /}}'],
  [true, '{port: 80}', '{port: 80, sourceLabels: {app: a}}'],
  [true, '{sourceNamespace: a}', '{sourceNamespace: a, sourceLabels: {app: a}, uri: {exact: /x}}'],
  [false, '{uri: {prefix: /api/v1}}', '{uri: {prefix: /api}}'],
  [false, '{uri: {prefix: /api}, ignoreUriCase: false}', '{uri: {prefix: /api/v1}, ignoreUriCase: true}'],
  [false, '{uri: {prefix: /api}}', '{uri: {regex: "/(api|web)/.*"}}'],
  [false, '{uri: {prefix: /api}}', '{uri: {regex: "/api?/x"}}'],
  [false, '{uri: {exact: /api}}', '{uri: {prefix: /api}}'],
  [false, '{headers: {x: {exact: a}}}', '{headers: {x: {}}}'],
  [false, '{headers: {x: {exact: a}}}', '{withoutHeaders: {x: {exact: a}}}'],
  [false, '{method: {exact: GET}}', '{method: {exact: POST}}'],
  [false, '{port: 80}', '{uri: {exact: /}}'],
  [false, '{sourceLabels: {app: a}}', '{sourceNamespace: default}'],
  [false, '{gateways: [mesh]}', '{uri: {exact: /}}'],
];

for (const [hidden, earlier, later] of unreachable) {
  test(`${later} is ${hidden ? '' : 'not '}hidden by ${earlier}`, () => {
    assert.deepEqual(
      found(http(`{match: [${earlier}], ${to}}`, `{match: [${later}], ${to}}`)),
      hidden ? ['warning IST0130 VirtualService/shop spec.http[1]'] : [],
    );
  });
}

test('one hidden match of several is a note; a rule that nothing reaches hides nothing', () => {
  assert.deepEqual(
    found(http(`{match: [{uri: {prefix: /a}}], ${to}}`, `{match: [{uri: {prefix: /a/b}}, {uri: {prefix: /c}}], ${to}}`)),
    ['info IST0131 VirtualService/shop spec.http[1].match[0]'],
  );
});

test('references count as errors where the files have what is of their kind, and are not looked at where they have none', () => {
  const lost = rules('shop', '{hosts: [shop], http: [{route: [{destination: {host: gone}}]}]}');
  const far = rules('shop', '{hosts: [shop], http: [{route: [{destination: {host: gone.far.svc.cluster.local}}]}]}');
  const place = 'IST0101 VirtualService/shop spec.http[0].route[0].destination';
  assert.deepEqual(found(shop + lost), [`error ${place}`]);
  assert.deepEqual(found(shop + far), [`warning ${place}`]);
  assert.deepEqual(found(shop + far, { whole: true }), [`error ${place}`]);
  assert.deepEqual(found(lost), []);
});

test('of what runs nothing is said to be missing where nothing is known to run', () => {
  const policy = rules(
    'p',
    '{selector: {matchLabels: {app: shop}}, rules: [{from: [{source: {principals: [cluster.local/ns/default/sa/who]}}]}]}',
    'AuthorizationPolicy',
  );
  const gateway = rules(
    'door',
    '{selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}',
    'Gateway',
  );
  assert.deepEqual(found(service('shop') + policy + gateway), []);
  assert.deepEqual(found(service('shop') + policy + gateway, { whole: true }), [
    'warning LAT2101 Service/shop spec.selector',
    'warning IST0127 AuthorizationPolicy/p spec.selector.matchLabels',
    'warning LAT2110 AuthorizationPolicy/p spec.rules[0].from[0].source.principals[0]',
    'warning IST0101 Gateway/door spec.selector',
  ]);
});

test('a policy contradicts itself only where no request can be meant', () => {
  const policy = (rule: string) => found(rules('p', `{rules: [${rule}]}`, 'AuthorizationPolicy'));
  const broken = ['warning LAT2103'];
  const codes = (rule: string) => policy(rule).map((line) => line.split(' ').slice(0, 2).join(' '));
  assert.deepEqual(codes('{to: [{operation: {methods: [GET], notMethods: [GET]}}]}'), broken);
  assert.deepEqual(codes('{to: [{operation: {paths: [/a/b], notPaths: [/a/*]}}]}'), broken);
  assert.deepEqual(codes('{from: [{source: {namespaces: [a], principals: [cluster.local/ns/b/sa/c]}}]}'), broken);
  assert.deepEqual(codes('{from: [{source: {namespaces: [a]}}], when: [{key: source.namespace, values: [b]}]}'), broken);
  assert.deepEqual(codes('{to: [{operation: {methods: [GET, POST], notMethods: [GET]}}]}'), []);
  assert.deepEqual(codes('{to: [{operation: {methods: [GET], notMethods: [GET]}}, {operation: {methods: [PUT]}}]}'), []);
  assert.deepEqual(codes('{from: [{source: {namespaces: ["b*"], principals: [cluster.local/ns/b/sa/c]}}]}'), []);
  assert.deepEqual(
    codes('{when: [{key: "request.auth.claims[groups]", values: [a]}, {key: "request.auth.claims[groups]", values: [b]}]}'),
    [],
  );
});

test('a timeout is short where the last retry cannot begin', () => {
  const codes = (timeout: string, attempts: number, perTry: string) =>
    found(http(`{${to}, timeout: ${timeout}, retries: {attempts: ${attempts}, perTryTimeout: ${perTry}}}`)).map(
      (line) => line.split(' ')[1],
    );
  assert.deepEqual(codes('10s', 3, '2s'), []);
  assert.deepEqual(codes('6s', 3, '2s'), ['LAT2108']);
  assert.deepEqual(codes('2s', 1, '5s'), ['LAT2108']);
  assert.deepEqual(codes('0s', 3, '2s'), []);
});

test('TLS that the other side does not take is told with both objects', () => {
  const strict = rules('strict', '{mtls: {mode: STRICT}}', 'PeerAuthentication');
  const off = rules('strict', '{mtls: {mode: DISABLE}}', 'PeerAuthentication');
  const rule = (mode: string) => rules('shop', `{host: shop, trafficPolicy: {tls: {mode: ${mode}}}}`, 'DestinationRule');
  const conflict = ['error IST0113 DestinationRule/shop spec.trafficPolicy.tls.mode'];
  assert.deepEqual(found(shop + strict + rule('DISABLE')), conflict);
  assert.deepEqual(found(shop + off + rule('ISTIO_MUTUAL')), conflict);
  assert.deepEqual(found(shop + strict + rule('ISTIO_MUTUAL')), []);
  assert.deepEqual(found(shop + rule('DISABLE')), []);
});

test('at a gateway the order of objects is told only where it decides', () => {
  const gateway = rules(
    'door',
    '{selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}',
    'Gateway',
  );
  const at = (name: string, match: string) =>
    rules(name, `{hosts: [a.example], gateways: [door], http: [{${match === '' ? '' : `match: [${match}], `}${to}}]}`);
  assert.deepEqual(found(shop + gateway + at('a', '{uri: {prefix: /a}}') + at('b', '{uri: {prefix: /b}}')), []);
  // What takes everything comes last by itself.
  assert.deepEqual(found(shop + gateway + at('a', '') + at('b', '{uri: {prefix: /b}}')), []);
  assert.deepEqual(found(shop + gateway + at('a', '{uri: {prefix: /a/b}}') + at('b', '{uri: {prefix: /a}}')), [
    'info LAT2106 VirtualService/b spec.http[0]',
  ]);
  assert.deepEqual(found(shop + gateway + at('a', '{uri: {prefix: /a}}') + at('b', '{uri: {prefix: /a/b}}')), [
    'warning IST0130 VirtualService/b spec.http[0]',
  ]);
});

test('what somebody has looked at is not told again', () => {
  const odd = service('odd', '[{name: web, port: 81}]') + deployment('odd');
  const line = 'info IST0118 Service/odd spec.ports[0]';
  assert.deepEqual(found(odd), [line]);
  for (const suppress of [
    'IST0118',
    'IST0118=Service default/odd',
    'IST0118=Service odd.default',
    '*=Service */o*',
    'IST0118=* *',
  ]) {
    assert.deepEqual(found(odd, { suppress: [suppress] }), [], suppress);
  }
  for (const suppress of ['IST0119', 'IST0118=Service other/odd', 'IST0118=Pod default/odd', 'nonsense', 'IST0118=Service']) {
    assert.deepEqual(found(odd, { suppress: [suppress] }), [line], suppress);
  }
  const annotated = (codes: string) =>
    odd.replace('{name: odd}', `{name: odd, annotations: {galley.istio.io/analyze-suppress: "${codes}"}}`);
  assert.deepEqual(found(annotated('IST0107, IST0118')), []);
  assert.deepEqual(found(annotated('*')), []);
  assert.deepEqual(found(annotated('IST0107')), [line]);
});

test('the order of objects means nothing', () => {
  const text =
    http(`{match: [{uri: {prefix: /a}}], ${to}}`, `{match: [{uri: {prefix: /a/b}}], ${to}}`) +
    rules('p', '{selector: {matchLabels: {app: nobody}}, rules: [{}]}', 'AuthorizationPolicy');
  const objects = objectsOf(text);
  const told = (list: typeof objects) => analyze({ objects: list, meshConfig: meshConfigDefaults(), whole: true }).diagnostics;
  assert.deepEqual(told(objects.toReversed()), told(objects));
  assert.equal(told(objects).length, 2);
});

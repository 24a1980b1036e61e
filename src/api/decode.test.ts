// Documents to objects: what is filled in, what is said, and that nothing makes it throw.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { codes } from './codes.ts';
import { decode } from './decode.ts';
import { diagnosticText } from './diagnostic.ts';
import { kindNamed, kindOf, kinds } from './index.ts';
import { kindId } from './kind.ts';
import type { Origin } from './object.ts';

const origin: Origin = {
  source: 'a.yaml',
  position: (path) => ({ line: path.length + 1, column: 1 }),
};

const read = (yaml: string) => decode(parse(yaml) as unknown, origin);
const said = (yaml: string): string[] => read(yaml).diagnostics.map(diagnosticText);

test('fills in metadata', () => {
  const { object } = read(
    '{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: x}, uid: u, generation: 2}, spec: {containers: [{name: c}]}}',
  );
  assert.deepEqual(object?.metadata, {
    name: 'a',
    namespace: 'default',
    labels: { app: 'x' },
    annotations: {},
    uid: 'u',
    generation: 2,
  });
  assert.equal(read('{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: b}}').object?.metadata.namespace, '');
});

test('keeps the whole document as the body, pruned', () => {
  const { object } = read(
    '{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: a, ownerReferences: []}, spec: {host: b, hots: c}}',
  );
  assert.deepEqual(object?.body, {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'a', ownerReferences: [] },
    spec: { host: 'b' },
  });
});

test('points at the field with file, line and column', () => {
  assert.deepEqual(
    said('{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: a}, spec: {host: b, subset: []}}'),
    [
      'a.yaml:3:1: warning LAT1002 DestinationRule/default/a spec.subset: spec has no field "subset"; it is ignored (did you mean `subsets`?)',
    ],
  );
});

test('says what is not yet in effect, and keeps it', () => {
  const { object, diagnostics } = read('{apiVersion: networking.istio.io/v1, kind: ProxyConfig, metadata: {name: a}, spec: {}}');
  assert.equal(object, undefined, 'ProxyConfig is served as v1beta1 only');
  assert.deepEqual(
    diagnostics.map(({ code }) => code),
    ['LAT1005'],
  );
  const right = read(
    '{apiVersion: networking.istio.io/v1, kind: WorkloadGroup, metadata: {name: a}, spec: {template: {serviceAccount: b}}}',
  );
  assert.ok(right.object);
  assert.deepEqual(
    right.diagnostics.map(({ code, severity }) => [code, severity]),
    [['LAT0001', 'info']],
  );
});

test('names the kind that was meant', () => {
  assert.match(
    said('{apiVersion: networking.istio.io/v1, kind: VirtualServce, metadata: {name: a}}')[0] ?? '',
    /warning LAT1005 .*did you mean VirtualService/,
  );
  assert.match(said('{apiVersion: v1, kind: Deployment, metadata: {name: a}}')[0] ?? '', /did you mean Deployment of apps\/v1/);
  assert.match(
    said('{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}}')[0] ?? '',
    /LAT1005 .*CronJob\/a kind: CronJob of batch\/v1 is not/,
  );
});

test('refuses documents that name nothing', () => {
  assert.match(said('[1]')[0] ?? '', /error LAT1000/);
  assert.match(said('{kind: Pod}')[0] ?? '', /error LAT1000 .*no apiVersion/);
  assert.match(said('{apiVersion: v1, metadata: {name: a}}')[0] ?? '', /error LAT1000 .*no kind/);
});

test('checks names, labels and annotations', () => {
  const service = (metadata: string): string[] => said(`{apiVersion: v1, kind: Service, metadata: ${metadata}}`);
  assert.match(service('{}')[0] ?? '', /LAT1006 .*metadata.name: the Service has no name/);
  assert.match(service('{name: A}')[0] ?? '', /LAT1006/);
  assert.match(service('{name: a, namespace: b.c}')[0] ?? '', /LAT1006 .*metadata.namespace/);
  assert.match(service('{name: a, labels: {on: true}}')[0] ?? '', /LAT1007 .*put it in quotes/);
  assert.match(service('{name: a, labels: {app: "a b"}}')[0] ?? '', /LAT1007 .*label value/);
  assert.match(service('{name: a, annotations: {a/b/c: d}}')[0] ?? '', /LAT1007/);
  assert.deepEqual(service('{name: a, annotations: {any: "free text, of any length"}}'), []);
});

test('shows no value of a Secret', () => {
  const [message = ''] = said('{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {pin: 123456789}}');
  assert.match(message, /LAT1001 .*data.pin/);
  assert.doesNotMatch(message, /123456789/);
});

test('lets fields of Kubernetes that matter to nobody here pass', () => {
  const yaml =
    '{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, resizePolicy: []}], schedulerName: x, affinity: {a: b}}}';
  assert.deepEqual(said(yaml), []);
});

test('finds kinds by the words people use', () => {
  for (const word of [
    'vs',
    'virtualservice',
    'virtualservices',
    'VirtualService',
    'virtualservice.networking.istio.io',
    'vs.networking.istio.io',
  ]) {
    assert.equal(kindNamed(word)?.kind, 'VirtualService', word);
  }
  assert.equal(kindNamed('gateway')?.group, 'networking.istio.io');
  assert.equal(kindNamed('gw')?.group, 'networking.istio.io');
  assert.equal(kindNamed('pods')?.kind, 'Pod');
  assert.equal(kindNamed('nothing'), undefined);
  assert.equal(kindOf('networking.istio.io/v1alpha3', 'Gateway')?.kind, 'Gateway');
  assert.equal(kindOf('networking.istio.io/v2', 'Gateway'), undefined);
});

test('lists each kind once, in the storage version first', () => {
  assert.equal(new Set(kinds.map(({ group, kind }) => kindId(group, kind))).size, kinds.length);
  for (const { versions, plural } of kinds) assert.ok(versions.length > 0 && plural === plural.toLowerCase());
});

test('never throws, and knows every code it says', () => {
  const named = fc.constantFrom(
    ...kinds.map(({ group, versions, kind }) => ({ apiVersion: group === '' ? 'v1' : `${group}/${versions[0]}`, kind })),
  );
  const anything = fc.jsonValue({ maxDepth: 4 });
  const document = fc.oneof(
    anything,
    fc.tuple(named, anything, anything).map(([kind, metadata, spec]) => ({ ...kind, metadata, spec })),
    fc
      .tuple(
        named,
        fc.dictionary(
          fc.constantFrom('hosts', 'http', 'servers', 'rules', 'containers', 'ports', 'host', 'egress'),
          fc.array(anything),
        ),
      )
      .map(([kind, spec]) => ({ ...kind, metadata: { name: 'a' }, spec })),
  );
  fc.assert(
    fc.property(document, (value) => {
      const { diagnostics } = decode(value, origin);
      for (const { code, message, help } of diagnostics) {
        assert.ok(Object.hasOwn(codes, code), code);
        assert.ok(message !== '' && help !== '');
      }
    }),
    { numRuns: 500 },
  );
});

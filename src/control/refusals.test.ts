import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../api/decode.ts';
import { diagnosticText } from '../api/diagnostic.ts';
import { originOf } from '../api/object.ts';
import { createCompiler } from '../compile/compile.ts';
import { parseNode } from '../compile/node.ts';
import { Store } from '../store/store.ts';
import { refusalDiagnostics } from './refusals.ts';

const store = new Store();
const put = (document: object) => {
  const { object } = decode(document as Record<string, unknown>, originOf('test'));
  assert.ok(object);
  store.upsert(object);
};
for (const name of ['ratings', 'reviews']) {
  const metadata = { name, namespace: 'default' };
  put({ apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ name: 'http', port: 80 }], clusterIP: '10.96.0.9' } });
  put({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata,
    spec: {
      hosts: [name],
      http: [
        { match: [{ uri: { regex: `/${name}/[0-9]+` } }], route: [{ destination: { host: name } }] },
        { route: [{ destination: { host: name } }] },
      ],
    },
  });
}
const node = parseNode({ id: 'sidecar~10.0.0.1~client.default~default.svc.cluster.local', metadata: { NAMESPACE: 'default' } });
assert.ok(typeof node !== 'string');
const configuration = createCompiler(store).configurationFor(node).value;
const table = configuration.route('80').value;
const cluster = configuration.clusters.value.get('outbound|80||reviews.default.svc.cluster.local');
assert.ok(table && cluster);

const shown = (type: 'route' | 'cluster', message: string) =>
  refusalDiagnostics([{ type, resource: type === 'route' ? table : cluster, message }], store).map((found) =>
    diagnosticText(found).replace(/: Envoy refuses.*/s, ''),
  );

test('Envoy names a place by index: the rule that stands there', () => {
  const place = (index: number) =>
    `Proto constraint validation failed (RouteConfigurationValidationError.VirtualHosts[${index}]: embedded message failed validation | caused by VirtualHostValidationError.Routes[0]: value is bad)`;
  assert.deepEqual(shown('route', place(0)), ['test: error LAT1910 VirtualService/default/ratings spec.http[0].match[0]']);
  assert.deepEqual(shown('route', place(1)), ['test: error LAT1910 VirtualService/default/reviews spec.http[0].match[0]']);
});

test('Envoy repeats what it cannot use: the rule where that stands', () => {
  assert.deepEqual(shown('route', "invalid regex '/reviews/[0-9]+': too large"), [
    'test: error LAT1910 VirtualService/default/reviews spec.http[0].match[0]',
  ]);
});

test('what has one cause needs no words; of several nothing tells apart, the first are named', () => {
  assert.deepEqual(shown('cluster', 'no'), ['test: error LAT1910 Service/default/reviews']);
  assert.equal(shown('route', 'no').length, 3);
});

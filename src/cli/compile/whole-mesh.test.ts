import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../api/decode.ts';
import { readManifest } from '../../sources/manifest.ts';
import { wholeMesh } from './whole-mesh.ts';

const check = (text: string) => wholeMesh(readManifest(text, 'f', decode).items.flatMap(({ object }) => object ?? []));
const found = (text: string): string[] =>
  check(text).diagnostics.map(
    ({ code, severity, object, line, message }) => `${line} ${severity} ${code} ${object?.kind} ${message}`,
  );

const service = `apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {selector: {app: reviews}, ports: [{name: http, port: 9080}]}
`;

test('a reference to nothing is told with its line, once, and only as a warning: the mesh may have it', () => {
  const rule = `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
    - route:
        - destination: {host: reviews, subset: v9}
`;
  assert.deepEqual(found(service + rule), [
    '13 warning IST0101 VirtualService subset v9 of reviews.default.svc.cluster.local is not defined by any DestinationRule',
  ]);
  const rules = `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec: {host: reviews, subsets: [{name: v9, labels: {version: v9}}]}
`;
  assert.deepEqual(found(service + rule + rules), []);
  assert.deepEqual(check(service + rule).referencesChecked, true);
  // Rules alone are for services that are elsewhere.
  assert.deepEqual(check(rule), { diagnostics: [], referencesChecked: false });
});

test('what a gateway and a selected workload would find is found without either', () => {
  const text = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: door}
spec:
  selector: {istio: door}
  servers:
    - {port: {number: 8443, name: a, protocol: TCP}, hosts: ['*']}
    - {port: {number: 8443, name: b, protocol: HTTP}, hosts: ['*']}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny}
spec:
  selector: {matchLabels: {app: db}}
  action: CUSTOM
  provider: {name: nobody}
  rules: [{}]
`;
  const lines = found(text).map((line) => line.split(' ').slice(0, 4).join(' '));
  assert.ok(lines.includes('8 error LAT0201 Gateway'), lines.join('\n'));
  assert.ok(
    lines.some((line) => line.endsWith('LAT0603 AuthorizationPolicy')),
    lines.join('\n'),
  );
});

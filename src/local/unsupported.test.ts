// What a process cannot give is told once, at the field that asks for it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnosticText } from '../api/diagnostic.ts';
import type { ApiObject } from '../api/object.ts';
import { bodyOf, type PodBody } from './kubernetes.ts';
import { unsupportedFields } from './unsupported.ts';

const podOf = (spec: object): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default', labels: {}, annotations: {} },
  body: { spec },
  origin: { source: 'pod.yaml', position: (path) => ({ line: path.length, column: 3 }) },
});

const told = (spec: object, root = true) => {
  const pod = podOf(spec);
  return unsupportedFields(pod, bodyOf<PodBody>(pod).spec, ['spec'], { root }).map((each) =>
    diagnosticText(each).split(': ').slice(0, 2).join(': '),
  );
};

test('each field is told with its line', () => {
  assert.deepEqual(
    told({
      hostNetwork: true,
      nodeSelector: { a: 'b' },
      volumes: [{ name: 'v', hostPath: { path: '/x' } }],
      containers: [
        {
          name: 'c',
          resources: { limits: { cpu: 1 } },
          securityContext: { privileged: true },
          ports: [{ containerPort: 1, hostPort: 2 }],
        },
      ],
    }),
    [
      'pod.yaml:2:3: warning LAT2002 Pod/default/p spec.hostNetwork',
      'pod.yaml:2:3: warning LAT2002 Pod/default/p spec.nodeSelector',
      'pod.yaml:4:3: warning LAT2002 Pod/default/p spec.volumes[0].hostPath',
      'pod.yaml:4:3: warning LAT2002 Pod/default/p spec.containers[0].resources',
      'pod.yaml:5:3: warning LAT2002 Pod/default/p spec.containers[0].securityContext.privileged',
      'pod.yaml:6:3: warning LAT2002 Pod/default/p spec.containers[0].ports[0].hostPort',
    ],
  );
});

test('what asks for nothing, or for less than a pod gets, is not told', () => {
  assert.deepEqual(
    told({
      hostNetwork: false,
      nodeSelector: {},
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [
        { name: 'c', resources: {}, securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } },
      ],
    }),
    [],
  );
});

test('another user needs root', () => {
  const spec = { securityContext: { runAsUser: 1000 }, containers: [{ name: 'c' }] };
  assert.deepEqual(told(spec, true), []);
  assert.equal(told(spec, false).length, 1);
});

// What Kubernetes' own kinds may say and may not, as far as they are read here.

import { kindTable } from './testing/kind-table.ts';

const container = 'containers: [{name: a, image: b}]';
const template = `selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: a}}, spec: {${container}}}`;

kindTable('v1', 'Pod', {
  accepted: [
    `{${container}}`,
    '{containers: [{name: a, ports: [{containerPort: 80, name: http}], env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.podIP}}}], readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}, resources: {limits: {cpu: 1, memory: 1Gi}}, volumeMounts: [{name: v, mountPath: /v}]}], volumes: [{name: v, emptyDir: {}}]}',
  ],
  refused: [
    ['LAT1004 spec.containers', '{}'],
    ['LAT1003 spec.containers.0.ports.0.containerPort', '{containers: [{name: a, ports: [{containerPort: 0}]}]}'],
    ['LAT1001 spec.containers.0.env.0.value', '{containers: [{name: a, env: [{name: A, value: 1}]}]}'],
    // Names become folders and files: they must not lead elsewhere.
    ['LAT1003 spec.volumes.0.name', `{${container}, volumes: [{name: ../x, emptyDir: {}}]}`],
    ['LAT1003 spec.containers.0.name', '{containers: [{name: a/b}]}'],
    ['LAT1003 spec.restartPolicy', `{${container}, restartPolicy: Sometimes}`],
  ],
});

kindTable('v1', 'Service', {
  accepted: [
    '{ports: [{port: 80, targetPort: http}], selector: {app: a}}',
    '{type: ExternalName, externalName: a.com}',
    '{clusterIP: None}',
    '{clusterIP: "fd00::1", clusterIPs: ["fd00::1", 10.0.0.1]}',
  ],
  refused: [
    ['LAT1003 spec.ports.0.port', '{ports: [{port: 65536}]}'],
    ['LAT1001 spec.ports.0.port', '{ports: [{port: "80"}]}'],
    ['LAT1003 spec.type', '{type: ExternalIP}'],
    ['LAT1026 spec.clusterIP', '{clusterIP: somewhere}'],
    ['LAT1026 spec.clusterIPs.1', '{clusterIPs: [10.0.0.1, 10.0.0]}'],
  ],
});

for (const kind of ['Deployment', 'StatefulSet']) {
  kindTable('apps/v1', kind, {
    accepted: [`{${template}, replicas: 2}`],
    refused: [
      ['LAT1004 spec.template', '{selector: {}}'],
      ['LAT1011 spec.selector.matchLabels.app', `{selector: {matchLabels: {app: b}}, template: {spec: {${container}}}}`],
    ],
  });
}

const secret = (data: string): string => `apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n${data}`;

kindTable('v1', 'Secret', {
  accepted: [secret('data: {tls.crt: aGVsbG8=}'), secret('stringData: {a: plain}')],
  refused: [['LAT1010 data.a', secret('data: {a: "not base64"}')]],
});

kindTable('discovery.k8s.io/v1', 'EndpointSlice', {
  accepted: [
    'apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a}\naddressType: IPv4\nports: [{port: 80}]\nendpoints: [{addresses: [10.0.0.1], conditions: {ready: null}}]',
  ],
  refused: [
    ['LAT1004 addressType', 'apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a}'],
    [
      'LAT1026 endpoints.0.addresses.0',
      'apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a}\naddressType: IPv6\nendpoints: [{addresses: [10.0.0.1]}]',
    ],
  ],
});

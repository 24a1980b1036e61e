// What WorkloadEntries, WorkloadGroups and ProxyConfigs may say and may not.

import { kindTable } from './testing/kind-table.ts';

kindTable('networking.istio.io/v1', 'WorkloadEntry', {
  accepted: [
    '{address: 2.2.2.2, labels: {app: a}, serviceAccount: details, ports: {http: 8080}, locality: us-east/zone-1, weight: 3}',
    '{address: vm.example.com}',
    "{address: 'unix:///var/run/a.sock'}",
    '{network: other}',
  ],
  refused: [
    ['LAT1601 spec.address', '{}'],
    ['LAT1601 spec.address', '{address: not_a_host}'],
    ['LAT1601 spec.address', "{address: 'unix:relative'}"],
    ['LAT1602 spec.ports', "{address: 'unix:///a', ports: {http: 1}}"],
    ['LAT1003 spec.ports.http', '{address: 1.1.1.1, ports: {http: 0}}'],
    ['LAT1027 spec.labels.a', '{address: 1.1.1.1, labels: {a: b c}}'],
  ],
});

kindTable('networking.istio.io/v1', 'WorkloadGroup', {
  accepted: ['{template: {serviceAccount: a}, probe: {httpGet: {port: 80, path: /}}, metadata: {labels: {a: b}}}'],
  refused: [
    ['LAT1004 spec.template', '{}'],
    ['LAT1603 spec.probe', '{template: {}, probe: {periodSeconds: 1}}'],
    ['LAT1003 spec.probe.exec.command', '{template: {}, probe: {exec: {command: []}}}'],
  ],
});

kindTable('networking.istio.io/v1beta1', 'ProxyConfig', {
  accepted: ['{concurrency: 0, environmentVariables: {A: b}}'],
  warned: [
    ['LAT0002 spec.image.imageType', '{image: {imageType: distroless}}'],
    ['LAT1031 spec.selector.matchLabels', '{selector: {}}'],
  ],
  refused: [['LAT1003 spec.concurrency', '{concurrency: -1}']],
});

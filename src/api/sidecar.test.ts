// What Sidecars may say and may not.

import { kindTable } from './testing/kind-table.ts';

kindTable('networking.istio.io/v1', 'Sidecar', {
  accepted: [
    "{egress: [{hosts: ['./*', 'istio-system/*', '~other/*']}]}",
    "{workloadSelector: {labels: {app: a}}, ingress: [{port: {number: 80, protocol: HTTP, name: a}, defaultEndpoint: '127.0.0.1:8080'}]}",
    "{egress: [{port: {number: 3306, protocol: MYSQL, name: m}, bind: 127.0.0.1, captureMode: NONE, hosts: ['*/a.com']}, {hosts: ['*/*']}]}",
    '{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}',
  ],
  warned: [['LAT1502 spec.ingress', '{ingress: [{port: {number: 80, protocol: HTTP, name: a}}]}']],
  refused: [
    ['LAT1501 spec', '{}'],
    ['LAT1503 spec.ingress.1.port.number', '{ingress: [{port: {number: 80}}, {port: {number: 80}}]}'],
    ['LAT1505 spec.ingress.0.defaultEndpoint', '{ingress: [{port: {number: 80}, defaultEndpoint: "10.0.0.1:80"}]}'],
    ['LAT1506 spec.ingress.0.tls.mode', '{ingress: [{port: {number: 80}, tls: {mode: PASSTHROUGH}}]}'],
    ['LAT1507 spec.egress.0', "{egress: [{hosts: ['*/*']}, {hosts: ['./*']}]}"],
    ['LAT1508 spec.outboundTrafficPolicy.egressProxy', '{outboundTrafficPolicy: {mode: REGISTRY_ONLY, egressProxy: {host: a}}}'],
    ['LAT1508 spec.outboundTrafficPolicy.mode', '{outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS}}'],
    ['LAT1509 spec.egress.0.hosts.0', '{egress: [{hosts: [a.com]}]}'],
    ['LAT1504 spec.egress.0', "{egress: [{bind: 127.0.0.1, hosts: ['*/*']}]}"],
  ],
});

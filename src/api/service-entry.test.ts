// What ServiceEntries may say and may not.

import { kindTable } from './testing/kind-table.ts';

const http = 'ports: [{number: 80, name: http, protocol: HTTP}]';

kindTable('networking.istio.io/v1', 'ServiceEntry', {
  accepted: [
    `{hosts: [api.example.com], ${http}, resolution: DNS, location: MESH_EXTERNAL}`,
    `{hosts: ['*.example.com'], ports: [{number: 443, name: tls, protocol: TLS}], resolution: NONE}`,
    `{hosts: [a.com], addresses: [10.1.0.0/16], ports: [{number: 27018, name: mongo, protocol: MONGO}], resolution: NONE}`,
    `{hosts: [a.com], ${http}, resolution: STATIC, endpoints: [{address: 2.2.2.2, ports: {http: 8080}, labels: {app: a}}]}`,
    `{hosts: [a.com], ${http}, resolution: STATIC, endpoints: [{address: 'unix:///var/run/a.sock'}]}`,
    `{hosts: [a.com], ${http}, resolution: STATIC, workloadSelector: {labels: {app: a}}, location: MESH_INTERNAL}`,
    `{hosts: ['*.a.com'], ${http}, resolution: DYNAMIC_DNS}`,
    '{hosts: [a.com], ports: [{number: 9000, name: tcp, protocol: TCP}], resolution: DNS}',
  ],
  warned: [['IST0134 spec.ports.0', '{hosts: [a.com], ports: [{number: 9000, name: tcp, protocol: TCP}], resolution: NONE}']],
  refused: [
    ['LAT1004 spec.hosts', `{${http}}`],
    ['LAT1401 spec.hosts.0', `{hosts: ['*'], ${http}}`],
    ['LAT1020 spec.hosts.0', `{hosts: [10.0.0.1], ${http}}`],
    ['LAT1402 spec.ports.0.protocol', '{hosts: [a.com], ports: [{number: 80, name: http, protocol: HTTPX}]}'],
    ['LAT1003 spec.ports.0.number', '{hosts: [a.com], ports: [{number: 70000, name: http}]}'],
    ['LAT1004 spec.ports.0.name', '{hosts: [a.com], ports: [{number: 80}]}'],
    ['LAT1403 spec.ports.1.name', '{hosts: [a.com], ports: [{number: 80, name: a}, {number: 81, name: a}]}'],
    ['LAT1403 spec.ports.1.number', '{hosts: [a.com], ports: [{number: 80, name: a}, {number: 80, name: b}]}'],
    ['LAT1404 spec.addresses.0', `{hosts: [a.com], addresses: [10.0.0.0/8], ${http}, resolution: DNS}`],
    ['LAT1405 spec.endpoints', `{hosts: [a.com], ${http}, resolution: NONE, endpoints: [{address: 1.1.1.1}]}`],
    ['LAT1405 spec.resolution', `{hosts: [a.com], ${http}, resolution: STATIC}`],
    [
      'LAT1405 spec.endpoints',
      `{hosts: [a.com], ${http}, resolution: STATIC, endpoints: [{address: 1.1.1.1}], workloadSelector: {labels: {a: b}}}`,
    ],
    ['LAT1405 spec.resolution', `{hosts: [a.com, b.com], ${http}, resolution: DNS_ROUND_ROBIN}`],
    [
      'LAT1406 spec.endpoints.0.ports.other',
      `{hosts: [a.com], ${http}, resolution: STATIC, endpoints: [{address: 1.1.1.1, ports: {other: 1}}]}`,
    ],
    ['LAT1407 spec.endpoints.0.address', `{hosts: [a.com], ${http}, resolution: STATIC, endpoints: [{address: b.com}]}`],
    ['LAT1407 spec.endpoints.0.address', `{hosts: [a.com], ${http}, resolution: DNS, endpoints: [{address: 'unix:///a'}]}`],
    ['LAT1408 spec.hosts.0', `{hosts: [a.com], ${http}, resolution: DYNAMIC_DNS}`],
    ['LAT1409 spec.hosts.0', `{hosts: ['*.a.com'], ${http}, resolution: DNS}`],
    ['LAT1003 spec.resolution', `{hosts: [a.com], ${http}, resolution: DSN}`],
  ],
});

// Hosts outside the mesh at random: names, addresses, workloads that are no pods.

import fc from 'fast-check';
import { addressOf, object, targetPorts, type Document } from './world.ts';

const { http, auto, tls, tcp } = targetPorts;

const entries: readonly Document[] = [
  object('networking.istio.io/v1', 'ServiceEntry', 'api', 'default', {
    hosts: ['api.ext.example'],
    location: 'MESH_EXTERNAL',
    resolution: 'DNS',
    ports: [
      { number: 80, name: 'http', protocol: 'HTTP', targetPort: http },
      { number: 443, name: 'https', protocol: 'HTTPS', targetPort: tls },
    ],
  }),
  object('networking.istio.io/v1', 'ServiceEntry', 'api-static', 'default', {
    hosts: ['api.ext.example'],
    location: 'MESH_EXTERNAL',
    resolution: 'STATIC',
    ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: http }],
    endpoints: [{ address: addressOf('api.ext.example') }],
  }),
  object('networking.istio.io/v1', 'ServiceEntry', 'any', 'default', {
    hosts: ['*.ext.example'],
    location: 'MESH_EXTERNAL',
    resolution: 'NONE',
    ports: [
      { number: 80, name: 'http', protocol: 'HTTP' },
      { number: 443, name: 'tls', protocol: 'TLS' },
    ],
  }),
  object('networking.istio.io/v1', 'ServiceEntry', 'tcp', 'shop', {
    hosts: ['tcp.ext.example'],
    addresses: ['127.97.0.1'],
    location: 'MESH_EXTERNAL',
    resolution: 'STATIC',
    ports: [{ number: 9001, name: 'tcp', protocol: 'TCP', targetPort: tcp }],
    endpoints: [{ address: addressOf('tcp.ext.example') }],
  }),
  object('networking.istio.io/v1', 'ServiceEntry', 'hosts', 'default', {
    hosts: ['vm.ext.example'],
    location: 'MESH_INTERNAL',
    resolution: 'STATIC',
    ports: [
      { number: 80, name: 'http', protocol: 'HTTP', targetPort: http },
      { number: 9001, name: 'tcp', protocol: 'TCP', targetPort: tcp },
    ],
    workloadSelector: { labels: { app: 'vm' } },
  }),
  object('networking.istio.io/v1', 'WorkloadEntry', 'vm-1', 'default', {
    address: '127.1.5.1',
    labels: { app: 'vm', version: 'v1' },
    locality: 'r1/z1/s1',
    serviceAccount: 'vm',
  }),
  object('networking.istio.io/v1', 'WorkloadEntry', 'vm-2', 'default', {
    address: '127.1.5.2',
    labels: { app: 'vm', version: 'v2', 'security.istio.io/tlsMode': 'istio' },
    locality: 'r2/z1',
    weight: 3,
    ports: { http: auto },
  }),
  object('networking.istio.io/v1', 'ServiceEntry', 'mixed', 'shop', {
    hosts: ['reviews.example', 'www.ext.example'],
    location: 'MESH_EXTERNAL',
    resolution: 'STATIC',
    ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: http }],
    endpoints: [
      { address: addressOf('www.ext.example'), labels: { version: 'v1' }, locality: 'r1/z1' },
      { address: addressOf('api.ext.example'), labels: { version: 'v2' }, ports: { http: auto }, weight: 2 },
    ],
  }),
  object('networking.istio.io/v1', 'ServiceEntry', 'turns', 'default', {
    hosts: ['www.ext.example'],
    location: 'MESH_EXTERNAL',
    resolution: 'DNS_ROUND_ROBIN',
    ports: [
      { number: 80, name: 'http', protocol: 'HTTP', targetPort: http },
      { number: 8000, name: 'auto', targetPort: auto },
    ],
    endpoints: [{ address: 'api.ext.example' }],
  }),
];

export const serviceEntries: fc.Arbitrary<Document[]> = fc.subarray([...entries]);

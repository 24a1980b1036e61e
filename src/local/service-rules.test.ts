// The rule set as text: one transaction, one chain per port with endpoints, nothing for those without.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualPorts } from './controllers/virtual-ports.ts';
import { endpointSlices } from './controllers/endpoint-slices.ts';
import { admitServices, withAddresses } from './controllers/services.ts';
import type { ApiObject } from '../api/object.ts';
import { newObject } from './objects.ts';
import { serviceRules } from './service-rules.ts';

const service = newObject({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    clusterIP: '10.96.5.5',
    selector: { app: 'web' },
    ports: [
      { name: 'http', port: 80, targetPort: 'h' },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ],
  },
});

const pod = (name: string, address: string, ready: boolean, port = 8080) =>
  newObject({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: { app: 'web' } },
    spec: { containers: [{ name: 'c', ports: [{ name: 'h', containerPort: port }] }] },
    status: { phase: 'Running', podIP: address, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  });

test('ready pods are behind the address, at the port that each gives the name', () => {
  const slices = endpointSlices(service, [
    pod('a', '10.244.0.10', true),
    pod('b', '10.244.0.11', true, 9090),
    pod('c', '10.244.0.12', false),
  ]);
  assert.equal(slices.length, 2);
  const ports = virtualPorts([service], slices);
  assert.deepEqual(ports[0], {
    address: '10.96.5.5',
    port: 80,
    protocol: 'tcp',
    endpoints: [
      ['10.244.0.10', 8080],
      ['10.244.0.11', 9090],
    ],
  });
  const rules = serviceRules(ports);
  assert.ok(rules.startsWith('table ip lateen_services {\n}\ndelete table ip lateen_services\n'));
  assert.ok(rules.includes('dnat to numgen random mod 2 map { 0 : 10.244.0.10 . 8080, 1 : 10.244.0.11 . 9090 }'));
  assert.ok(rules.includes('10.96.5.5 . tcp . 80 : goto to_10_96_5_5_tcp_80, 10.96.5.5 . udp . 53 : goto to_10_96_5_5_udp_53'));
});

test('the same objects make the same text in any order', () => {
  const pods = [pod('a', '10.244.0.10', true), pod('b', '10.244.0.11', true)];
  const rules = (list: typeof pods) => serviceRules(virtualPorts([service], endpointSlices(service, list)));
  assert.equal(rules(pods), rules(pods.toReversed()));
});

test('a service without ready pods has no entry', () => {
  const rules = serviceRules(virtualPorts([service], endpointSlices(service, [pod('a', '10.244.0.10', false)])));
  assert.ok(!rules.includes('10.96.5.5'));
  assert.ok(rules.includes('reject with tcp reset'));
});

test('services get addresses, headless and external ones none', () => {
  const of = (name: string, spec: object) =>
    newObject({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec });
  const given = withAddresses([
    of('a', {}),
    of('b', { clusterIP: 'None' }),
    of('c', { type: 'ExternalName' }),
    of('d', { clusterIP: '10.96.0.20' }),
  ]);
  assert.deepEqual(
    given.map(({ metadata }) => metadata.name),
    ['a'],
  );
  for (const { body } of given) assert.match((body as { spec: { clusterIP?: string } }).spec.clusterIP ?? '', /^10\.96\./);
});

test('a service comes with an address, and keeps it when it comes again', () => {
  const of = (name: string, spec: object) =>
    newObject({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec });
  const addressOf = (object: ApiObject) => (object.body as { spec: { clusterIP?: string } }).spec.clusterIP;
  const pod = newObject({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'default' }, spec: {} });
  const present = [of('b', { clusterIP: '10.96.0.20' }), of('c', { clusterIP: 'None' })];
  const admitted = admitServices([of('a', {}), pod, of('b', {}), of('c', { clusterIP: 'None' })], present);
  const [a, ...others] = admitted;
  assert.ok(a);
  assert.match(addressOf(a) ?? '', /^10\.96\./);
  assert.equal(others[0], pod);
  assert.deepEqual(others.slice(1).map(addressOf), ['10.96.0.20', 'None']);
  assert.deepEqual(admitServices([of('a', {})], [a]).map(addressOf), [addressOf(a)]);
});

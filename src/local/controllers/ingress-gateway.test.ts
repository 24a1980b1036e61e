// The provided gateway: there when a Gateway asks for it, with the ports that its servers name.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiObject } from '../../api/object.ts';
import type { Gateway } from '../../api/gateway.ts';
import { writtenGateway } from '../../mesh/gateway.ts';
import { newObject } from '../objects.ts';
import { gatewayPorts, ingressGateway } from './ingress-gateway.ts';

const gateway = (selector: object, ...ports: { number: number; protocol: string }[]) =>
  writtenGateway(
    newObject({
      apiVersion: 'networking.istio.io/v1',
      kind: 'Gateway',
      metadata: { name: 'g', namespace: 'default' },
      spec: { selector, servers: ports.map((port) => ({ port: { name: 'p', ...port }, hosts: ['*'] })) },
    }) as unknown as ApiObject<Gateway>,
  );

test('no Gateway, or one for other pods, makes none', () => {
  assert.deepEqual(ingressGateway([]), []);
  assert.deepEqual(ingressGateway([gateway({ istio: 'egressgateway' })]), []);
  assert.deepEqual(ingressGateway([gateway({ istio: 'ingressgateway', team: 'mine' })]), []);
  assert.deepEqual(
    ingressGateway([gateway({ istio: 'ingressgateway' })]).map(({ kind }) => kind),
    ['Service', 'Deployment'],
  );
});

test('servers add their ports, low ones 8000 higher inside', () => {
  const ports = gatewayPorts([
    gateway({}, { number: 80, protocol: 'HTTP' }, { number: 31400, protocol: 'TCP' }),
    gateway({}, { number: 25, protocol: 'TCP' }),
  ]);
  assert.deepEqual(
    ports.map(({ name, port, targetPort }) => [name, port, targetPort]),
    [
      ['tcp-25', 25, 8025],
      ['http2', 80, 8080],
      ['https', 443, 8443],
      ['tcp-31400', 31_400, 31_400],
    ],
  );
});

test('a server that names the port inside the pod adds none', () => {
  assert.deepEqual(
    gatewayPorts([gateway({}, { number: 8080, protocol: 'HTTP' })]).map(({ port }) => port),
    [80, 443],
  );
});

test('HTTP/3 has the port of HTTPS by UDP too, and one of its own where there is none', () => {
  const ports = gatewayPorts([
    gateway({}, { number: 8443, protocol: 'HTTP3' }, { number: 443, protocol: 'HTTP3' }, { number: 444, protocol: 'http3' }),
    gateway({}, { number: 4433, protocol: 'HTTP3' }, { number: 4433, protocol: 'HTTPS' }),
  ]);
  assert.deepEqual(
    ports.map(({ name, port, targetPort, protocol }) => [name, port, targetPort, protocol]),
    [
      ['http2', 80, 8080, 'TCP'],
      ['https', 443, 8443, 'TCP'],
      ['http3-443', 443, 8443, 'UDP'],
      ['http3-444', 444, 8444, 'UDP'],
      ['https-4433', 4433, 4433, 'TCP'],
      ['http3-4433', 4433, 4433, 'UDP'],
    ],
  );
});

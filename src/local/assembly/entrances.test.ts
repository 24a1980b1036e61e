import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../api/decode.ts';
import type { Gateway } from '../../api/gateway.ts';
import { originOf, type ApiObject } from '../../api/object.ts';
import type { VirtualService } from '../../api/virtual-service.ts';
import { withDelegates } from '../../mesh/delegation.ts';
import { writtenGateway, type GatewayDeclaration } from '../../mesh/gateway.ts';
import { virtualServiceRoute } from '../../mesh/virtual-service.ts';
import { entrances } from './entrances.ts';

const read = <Body>(document: unknown): ApiObject<Body> => {
  const { object } = decode(document, originOf('test'));
  assert.ok(object);
  return object as unknown as ApiObject<Body>;
};

const gateway = (number: number, host = '*') =>
  writtenGateway(
    read<Gateway>({
      apiVersion: 'networking.istio.io/v1',
      kind: 'Gateway',
      metadata: { name: 'door' },
      spec: {
        selector: { istio: 'ingressgateway' },
        servers: [{ port: { number, name: 'http', protocol: 'HTTP' }, hosts: [host] }],
      },
    }),
  );

const route = withDelegates(
  virtualServiceRoute(
    read<VirtualService>({
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'shop' },
      spec: {
        hosts: ['*'],
        gateways: ['door'],
        http: [{ match: [{ uri: { exact: '/shop' } }], route: [{ destination: { host: 'shop' } }] }],
      },
    }),
    { domain: 'cluster.local', exportTo: ['*'] },
  ),
  () => undefined,
);

const mesh = (asked: GatewayDeclaration | undefined) => ({
  routes: { all: () => [route] },
  ingresses: { routes: [] },
  gateway: () => asked,
});

const published = [{ name: 'istio-system/istio-ingressgateway:80', address: '127.0.0.1', port: 8080 }];

test('a rule of a server at the gateway’s port is an address to look at', () => {
  assert.deepEqual(entrances(published, mesh(gateway(80))), ['http://127.0.0.1:8080/shop']);
});

test('a server may name the port inside the pod', () => {
  assert.deepEqual(entrances(published, mesh(gateway(8080))), ['http://127.0.0.1:8080/shop']);
});

test('a server for certain hosts, or of no known gateway, is none', () => {
  assert.deepEqual(entrances(published, mesh(gateway(80, 'shop.example.com'))), []);
  assert.deepEqual(entrances(published, mesh(undefined)), []);
});

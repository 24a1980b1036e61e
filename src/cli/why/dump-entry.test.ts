import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dumpedConfiguration } from '../../explain/dump.ts';
import { dumpEntry } from './dump-entry.ts';
import { questionOf } from './question.ts';

const bound = (name: string, address: string, port: number, more: object = {}) => ({
  active_state: { listener: { name, address: { socket_address: { address, port_value: port } }, ...more } },
});
const sidecar = [
  bound('virtualOutbound', '0.0.0.0', 15_001, { use_original_dst: true, traffic_direction: 'OUTBOUND' }),
  bound('0.0.0.0_9080', '0.0.0.0', 9080),
  bound('10.96.0.8_5432', '10.96.0.8', 5432, {
    filter_chains: [{ metadata: { filter_metadata: { istio: { services: [{ host: 'db.shop.svc.cluster.local' }] } } } }],
  }),
];
const routes = [
  { route_config: { name: '9080', virtual_hosts: [{ name: 'reviews', domains: ['reviews', '10.96.0.7', '10.96.0.7:9080'] }] } },
];

function entry(
  listeners: readonly object[],
  args: readonly string[],
  side: 'outbound' | 'inbound' = 'outbound',
  identity?: string,
) {
  const configuration = dumpedConfiguration(
    JSON.stringify({ configs: [{ dynamic_listeners: listeners }, { dynamic_route_configs: routes }] }),
  );
  const question = questionOf(args);
  if (typeof configuration === 'string' || question.kind === 'dns' || question.kind === 'happened') assert.fail(String(args));
  return dumpEntry(question, configuration, { headers: [], version: 'HTTP/1.1', identity }, side);
}

test('a name is dialled at the address that the dump says', () => {
  assert.deepEqual(entry(sidecar, ['GET', 'http://reviews:9080/']).destination, { address: '10.96.0.7', port: 9080 });
  assert.deepEqual(entry(sidecar, ['tcp', 'db:5432']).destination, { address: '10.96.0.8', port: 5432 });
  assert.deepEqual(entry(sidecar, ['tcp', '192.0.2.7:1']).destination, { address: '192.0.2.7', port: 1 });
  assert.equal(entry(sidecar, ['GET', 'http://nobody:9080/']).destination.address, '203.0.113.1');
  assert.equal(entry(sidecar, ['GET', 'http://reviews:9080/']).entry, 'outbound');
});

test('an Envoy without redirection is asked at its own port, low ones where they were moved', () => {
  const gateway = [bound('0.0.0.0_8080', '0.0.0.0', 8080), bound('0.0.0.0_443', '0.0.0.0', 443)];
  assert.deepEqual(entry(gateway, ['GET', 'http://web.example/']).entry, { port: 8080 });
  assert.deepEqual(entry(gateway, ['GET', 'https://web.example/']).entry, { port: 443 });
});

test('a caller with an identity arrives over mutual TLS, another in plain text', () => {
  const identity = 'spiffe://cluster.local/ns/a/sa/b';
  assert.deepEqual(entry(sidecar, ['GET', 'http://x:80/'], 'inbound', identity).tls?.alpn, [
    'istio-http/1.1',
    'istio',
    'http/1.1',
  ]);
  assert.deepEqual(entry(sidecar, ['tcp', 'x:80'], 'inbound', identity).tls?.alpn, ['istio']);
  assert.equal(entry(sidecar, ['GET', 'http://x:80/'], 'inbound').tls, undefined);
});

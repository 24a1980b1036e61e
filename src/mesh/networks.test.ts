import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressNetworks } from './networks.ts';
import { networkGateways } from './network-gateways.ts';

test('a cluster taken whole counts before CIDRs, of these the widest, of networks the first by name', () => {
  const networks = {
    b: { endpoints: [{ fromRegistry: 'east' }, { fromCidr: '10.0.0.0/8' }] },
    a: { endpoints: [{ fromRegistry: 'east' }, { fromCidr: '10.1.0.0/16' }, { fromCidr: '2001:db8::/32' }] },
  };
  const [east, west] = [addressNetworks(networks, 'east'), addressNetworks(networks, 'west')];
  assert.deepEqual([east('10.1.0.1'), west('10.1.0.1'), west('2001:db8::1')], ['a', 'b', 'a']);
  assert.deepEqual([west('192.0.2.1'), west('vm.example.com'), west('')], ['', '', '']);
});

test("an endpoint's own cluster's gateways come before others of its network, and weights can be shared among each number of them", () => {
  const gateway = (network: string, cluster: string, address: string) => ({ network, cluster, address, port: 15443 });
  const { any, scale, to } = networkGateways([
    gateway('a', 'one', '192.0.2.2'),
    gateway('a', 'two', '192.0.2.3'),
    gateway('a', 'two', '192.0.2.1'),
    gateway('a', 'two', '192.0.2.1'),
    gateway('b', '', '192.0.2.9'),
  ]);
  const addresses = (network: string, cluster: string) => to(network, cluster).map(({ address }) => address);
  assert.deepEqual([any, scale], [true, 6]);
  assert.deepEqual(addresses('a', 'one'), ['192.0.2.2']);
  assert.deepEqual(addresses('a', 'two'), ['192.0.2.1', '192.0.2.3']);
  assert.deepEqual(addresses('a', 'three'), ['192.0.2.1', '192.0.2.2', '192.0.2.3']);
  assert.deepEqual([addresses('b', 'one'), addresses('c', 'one')], [['192.0.2.9'], []]);
  assert.deepEqual([networkGateways([]).any, networkGateways([]).scale], [false, 1]);
});

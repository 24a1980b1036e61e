import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Store } from '../../store/store.ts';
import type { ProxyDistribution, TypeDistribution } from '../../xds/distribution.ts';
import { workloadStatuses } from './pods.ts';

const type: TypeDistribution = {
  type: 'listener',
  resources: 0,
  state: 'acknowledged',
  version: '',
  rejected: [],
  pushes: 1,
  bytes: 1,
  nacks: 0,
};

const proxy = (listener: Partial<TypeDistribution>, settled: boolean): ProxyDistribution => ({
  stream: 1,
  node: {
    type: 'sidecar',
    id: 'sidecar~10.0.0.1~p.shop~shop.svc.cluster.local',
    name: 'p.shop',
    namespace: 'shop',
    addresses: [],
    dnsDomain: '',
    labels: {},
    metadata: {},
    locality: { region: '', zone: '', subZone: '' },
  },
  class: 'c',
  protocol: 'delta',
  peer: '',
  connectedSince: 0,
  types: [{ ...type, ...listener }],
  settled,
});

const shown = (connected: ProxyDistribution) => {
  const [status] = workloadStatuses(new Store(), undefined, [connected]);
  return { configuration: status?.configuration, problem: status?.problem };
};

test('what cannot be computed has not arrived, whatever the proxy acknowledged', () => {
  assert.deepEqual(shown(proxy({}, true)), { configuration: 'arrived', problem: undefined });
  assert.deepEqual(shown(proxy({ state: 'sent' }, false)), { configuration: 'sending', problem: undefined });
  assert.deepEqual(shown(proxy({ state: 'pending', problem: 'no such filter' }, false)), {
    configuration: 'not arrived',
    problem: 'listeners cannot be computed: no such filter',
  });
});

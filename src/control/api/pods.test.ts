import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../api/decode.ts';
import { originOf } from '../../api/object.ts';
import { Store } from '../../store/store.ts';
import type { ProxyDistribution, TypeDistribution } from '../../xds/distribution.ts';
import type { Platform } from '../platform.ts';
import { podRows, workloadStatuses } from './pods.ts';

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
  onDemand: false,
  class: 'c',
  protocol: 'delta',
  peer: '',
  connectedSince: 0,
  types: [{ ...type, ...listener }],
  settled,
});

test('a proxy counts among the containers of its pod', () => {
  const store = new Store();
  const running = { name: 'web', image: 'web', ready: true, restartCount: 1, state: { running: {} } };
  const pod = (name: string, containerStatuses: object[]) => {
    const { object } = decode(
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: { containers: [{ name: 'web', image: 'web' }] },
        status: { phase: 'Running', containerStatuses },
      },
      originOf('test'),
    );
    assert.ok(object);
    store.upsert(object);
  };
  pod('plain', [running]);
  pod('meshed', [running]);
  pod('gateway', []);
  const report = { restarts: 2, identity: '', certificateExpires: undefined };
  const platform: Pick<Platform, 'proxies'> = {
    proxies: () => [
      { ...report, pod: { namespace: 'default', name: 'meshed' }, state: 'starting' },
      { ...report, pod: { namespace: 'default', name: 'gateway' }, state: 'ready' },
    ],
  };
  assert.deepEqual(
    podRows(store, platform, undefined).map(({ name, ready, restarts, containers }) => [
      name,
      ready,
      restarts,
      containers.map((container) => container.name).join(),
    ]),
    [
      ['gateway', '1/1', 2, 'istio-proxy'],
      ['meshed', '1/2', 3, 'web,istio-proxy'],
      ['plain', '1/1', 1, 'web'],
    ],
  );
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

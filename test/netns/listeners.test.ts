// A proxy's listeners and their chains are exchanged for others while its workload calls: new ones listen before old ones go, and whose
// rule stays keeps its connections.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCapturedEnvoy } from '../support/captured-envoy.ts';
import { Load, withoutFailure } from '../support/load.ts';
import { whyNoMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();

const addresses = { one: '10.96.0.1', two: '10.96.0.2' } as const;
const names = ['one', 'two'] as const;

const ports = [
  { name: 'http', port: 80, targetPort: 8080 },
  { name: 'any', port: 7000, targetPort: 8080 },
  { name: 'tcp', port: 5000, targetPort: 8082 },
];

const serviceOf = (name: (typeof names)[number]): object[] => [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { clusterIP: addresses[name], selector: { app: name }, ports },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: ports.map((port) => ({ name: port.name, port: port.targetPort, protocol: 'TCP' })),
    endpoints: [{ addresses: [`10.64.0.${names.indexOf(name) + 1}`], conditions: { ready: true } }],
  },
];

/** For it a proxy must have everything: it is on demand no more as long as it is there. */
const patch = {
  apiVersion: 'networking.istio.io/v1alpha3',
  kind: 'EnvoyFilter',
  metadata: { name: 'marked', namespace: 'default' },
  spec: {
    configPatches: [
      {
        applyTo: 'VIRTUAL_HOST',
        match: { context: 'SIDECAR_OUTBOUND' },
        patch: { operation: 'MERGE', value: { response_headers_to_add: [{ header: { key: 'x-marked', value: 'yes' } }] } },
      },
    ],
  },
};

test(
  'a proxy goes to demand and back while it calls, and no call fails, over old connections and new ones',
  { skip },
  async () => {
    await using envoy = await startCapturedEnvoy([...names.flatMap(serviceOf), patch]);
    const listeners = async () =>
      (await envoy.admin('/listeners')).split('\n').flatMap((line) => /^(.*_7000)::/.exec(line)?.slice(1) ?? []);
    const become = (...wanted: readonly string[]) =>
      until(
        async () => (await listeners()).sort().join() === wanted.join(),
        () => `the listeners to be ${wanted.join(' and ')}`,
      );
    const byAddress = ['10.96.0.1_7000', '10.96.0.2_7000'];
    await become(...byAddress);
    const urls = [80, 7000].map((port) => `http://${addresses.one}:${port}/`);
    const loads = urls.flatMap((url) =>
      [true, false].map((keepAlive) => new Load(envoy, url, { from: 'caller', everyMs: 5, workers: 1, keepAlive })),
    );
    await sleep(1000);
    for (let round = 0; round < 5; round += 1) {
      envoy.drop(patch);
      await become('0.0.0.0_7000');
      await sleep(200);
      envoy.put(patch);
      await become(...byAddress);
    }
    for (const load of loads) await withoutFailure(load, async () => {});
  },
);

/** TCP rules for a service, in their order: whom the dialled address is for, and at most so long. */
const rulesFor = (...rules: readonly (readonly [string, string])[]) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'one', namespace: 'default' },
  spec: {
    hosts: ['one'],
    tcp: rules.map(([subnet, host]) => ({
      match: [{ destinationSubnets: [subnet], port: 5000 }],
      route: [{ destination: { host, port: { number: 5000 } } }],
    })),
  },
});

test('a TCP rule that comes before another leaves its connections alone', { skip }, async () => {
  const first = ['10.96.0.1/32', 'one'] as const;
  const other = ['10.96.0.64/26', 'two'] as const;
  await using envoy = await startCapturedEnvoy([...names.flatMap(serviceOf), rulesFor(first)]);
  const updated = async () => {
    const counters = await envoy.admin('/stats?filter=listener_manager');
    const valueOf = (name: string) => Number(new RegExp(`${name}: (\\d+)`).exec(counters)?.[1]);
    return { inPlace: valueOf('listener_in_place_updated'), draining: valueOf('total_filter_chains_draining') };
  };
  const become = async (inPlace: number) => {
    await until(
      async () => (await updated()).inPlace === inPlace,
      () => `${inPlace} changes of listeners`,
    );
    return (await updated()).draining;
  };
  envoy.put(rulesFor(other, first));
  assert.equal(await become(1), 0);
  envoy.put(rulesFor(first, other));
  envoy.put(rulesFor(first));
  assert.equal(await become(2), 1, 'the chain of the rule that went');
  envoy.put(rulesFor(['10.96.0.1/32', 'two']));
  assert.equal(await become(3), 2, 'and that of one that changed');
});

// Configuration and pods change under steady load, and no request fails.

import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Load, withoutFailure } from '../support/load.ts';
import { sample, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();
const service = 'http://helloworld:5000/hello';
let mesh: RunningMesh;

before(async () => {
  if (skip !== false) return;
  mesh = await startMesh({
    files: [sample('helloworld/helloworld.yaml'), sample('helloworld/helloworld-gateway.yaml'), sample('curl/curl.yaml')],
  });
});

after(() => mesh?.[Symbol.asyncDispose]());

/** Load from a meshed pod and through the gateway at once. */
async function underLoad(t: TestContext, change: () => Promise<void>): Promise<void> {
  await until(
    async () => (await mesh.get('/hello')).status === 200,
    () => 'the gateway',
  );
  const inside = new Load(mesh, service, { from: 'curl', workers: 2 });
  const outside = new Load(mesh, `http://127.0.0.1:${await mesh.port()}/hello`, { workers: 2 });
  let sent = 0;
  ({ sent } = await withoutFailure(inside, async () => {
    const report = await withoutFailure(outside, async () => {
      await sleep(500);
      await change();
      await sleep(500);
    });
    t.diagnostic(`${report.sent} requests through the gateway: ${JSON.stringify(report.answers)}`);
  }));
  t.diagnostic(`${sent} requests inside`);
}

const subsets = (...versions: readonly string[]) => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: helloworld
spec:
  host: helloworld
  subsets:
${versions.map((version) => `  - name: ${version}\n    labels:\n      version: ${version.slice(0, 2)}`).join('\n')}
`;

const to = (subset: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: helloworld-inside
spec:
  hosts:
  - helloworld
  http:
  - route:
    - destination:
        host: helloworld
        subset: ${subset}
`;

test('subsets come and go with the rules that name them', { skip }, async (t) => {
  await underLoad(t, async () => {
    for (const subset of ['v1', 'v2', 'v1-again', 'v2-again']) {
      // Only the subset that is named now exists: each turn makes one cluster and takes one away.
      await mesh.apply(subsets(subset), to(subset));
      const version = subset.slice(0, 2);
      await until(
        async () => {
          const { body } = await mesh.curl('curl', service);
          return body.includes(`version: ${version}`);
        },
        () => `all calls to go to ${subset}`,
      );
      await sleep(300);
    }
    await mesh.delete(subsets('v1'), to('v1'));
  });
});

const replicas = (count: number, word = 'first') => `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: helloworld-v1
  labels:
    app: helloworld
    version: v1
spec:
  replicas: ${count}
  selector:
    matchLabels:
      app: helloworld
      version: v1
  template:
    metadata:
      labels:
        app: helloworld
        version: v1
    spec:
      containers:
      - name: helloworld
        image: docker.io/istio/examples-helloworld-v1:1.0
        env:
        - name: WORD
          value: ${word}
        ports:
        - containerPort: 5000
`;

const pods = async () => (await mesh.pods()).filter(({ name }) => name.startsWith('helloworld-v1'));

const settled = (count: number) =>
  until(
    async () => {
      const now = await pods();
      return now.length === count && now.every(({ ready }) => ready === '2/2');
    },
    () => `${count} pods`,
    60_000,
  );

test('a deployment grows and shrinks', { skip }, async (t) => {
  await underLoad(t, async () => {
    await mesh.apply(replicas(3));
    await settled(3);
    await sleep(300);
    await mesh.apply(replicas(1));
    await settled(1);
  });
});

test('a rolling update, and a pod that is deleted', { skip }, async (t) => {
  await mesh.apply(replicas(2));
  await settled(2);
  const old = new Set((await pods()).map(({ name }) => name));
  await underLoad(t, async () => {
    await mesh.apply(replicas(2, 'second'));
    await until(
      async () => (await pods()).every(({ name }) => !old.has(name)),
      () => 'new pods only',
      60_000,
    );
    await settled(2);
    const [victim] = await pods();
    assert.ok(victim);
    assert.equal((await mesh.lateen(['delete', 'pod', victim.name])).code, 0);
    await until(
      async () => (await pods()).every(({ name }) => name !== victim.name),
      () => 'the pod’s end',
      60_000,
    );
    await settled(2);
  });
});

const allow = (rules: string) => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: helloworld
spec:
  selector:
    matchLabels:
      app: helloworld
  action: ALLOW
  rules:
${rules}
`;

const security = (mode: string) => `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  name: default
spec:
  mtls:
    mode: ${mode}
`;

test('policies that allow the callers change', { skip }, async (t) => {
  await underLoad(t, async () => {
    for (const rules of [
      '  - {}',
      '  - to:\n    - operation:\n        methods: ["GET"]',
      '  - from:\n    - source:\n        namespaces: ["default", "istio-system"]',
    ]) {
      await mesh.apply(allow(rules));
      await sleep(500);
    }
    await mesh.delete(allow('  - {}'));
    for (const mode of ['STRICT', 'PERMISSIVE', 'STRICT']) {
      await mesh.apply(security(mode));
      await sleep(500);
    }
    await mesh.delete(security('STRICT'));
  });
});

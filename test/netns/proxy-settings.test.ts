// What ProxyConfigs, the mesh's defaults and a pod's annotation make of its Envoy's process.

import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { after, before, test } from 'node:test';
import { startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';

const skip = whyNoMesh();
let mesh: RunningMesh;

const pod = (name: string, settings = '{}') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name }, annotations: { 'proxy.istio.io/config': settings } },
  spec: { containers: [{ name: 'main', image: 'curlimages/curl', command: ['sleep', 'infinity'] }] },
});

const selecting = (app: string, concurrency: number) => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'ProxyConfig',
  metadata: { name: app },
  spec: { selector: { matchLabels: { app } }, concurrency },
});

before(async () => {
  if (skip !== false) return;
  const meshConfig = 'defaultConfig: {drainDuration: 7s, proxyStatsMatcher: {inclusionSuffixes: [downstream_cx_total]}}\n';
  const documents = [
    selecting('two', 2),
    selecting('cores', 0),
    pod('plain'),
    pod('two', '{concurrency: 3, drainDuration: 3s, proxyStatsMatcher: {inclusionPrefixes: [main_thread]}}'),
    pod('cores'),
  ];
  mesh = await startMesh({
    meshConfig,
    text: documents.map((each) => JSON.stringify(each)).join('\n---\n'),
  });
});

after(() => mesh?.[Symbol.asyncDispose]());

/** What a pod's Envoy was started with, the workers that it has, and whether it keeps stats by the end and by the beginning of their names. */
async function running(name: string) {
  const info = JSON.parse(await mesh.admin(name, '/server_info')) as {
    command_line_options: { drain_time: string };
  };
  const stats = await mesh.admin(name, '/stats');
  return {
    workers: Number(/^server\.concurrency: (\d+)$/m.exec(stats)?.[1]),
    drains: info.command_line_options.drain_time,
    ends: /downstream_cx_total: \d/.test(stats),
    begins: /^main_thread/m.test(stats),
  };
}

test('an Envoy has the workers, the time to drain and the stats that the nearest word gives it', { skip }, async () => {
  assert.deepEqual(await running('plain'), { workers: 1, drains: '7s', ends: true, begins: false });
  assert.deepEqual(await running('two'), { workers: 2, drains: '3s', ends: false, begins: true });
  assert.deepEqual(await running('cores'), { workers: availableParallelism(), drains: '7s', ends: true, begins: false });
});

// What ProxyConfigs, the mesh's defaults and a pod's annotation make of its Envoy's process.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
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
  spec: { selector: { matchLabels: { app } }, concurrency, environmentVariables: { FLAVOUR: app } },
});

/** An EnvoyFilter for the bootstraps of some pods. */
const bootstraps = (app: string, value: object) => ({
  apiVersion: 'networking.istio.io/v1alpha3',
  kind: 'EnvoyFilter',
  metadata: { name: `bootstrap-${app}` },
  spec: {
    workloadSelector: { labels: { app } },
    configPatches: [{ applyTo: 'BOOTSTRAP', patch: { operation: 'MERGE', value } }],
  },
});

const meshConfig = `
defaultConfig:
  drainDuration: 7s
  terminationDrainDuration: 2s
  fileFlushInterval: 300ms
  fileFlushMinSizeKb: 32
  meshId: tested
  proxyMetadata: {SEASON: summer, ISTIO_META_TESTED: "yes"}
  runtimeValues: {tested.flag: "17"}
  connectionSettings: {globalDownstreamConnectionLimit: 1234}
  proxyStatsMatcher: {inclusionSuffixes: [downstream_cx_total], inclusionRegexps: ['server[.]hot.*|runtime[.].*']}
`;

before(async () => {
  if (skip !== false) return;
  const documents = [
    selecting('two', 2),
    selecting('cores', 0),
    pod('plain'),
    pod('two', '{concurrency: 3, drainDuration: 3s, proxyStatsMatcher: {inclusionPrefixes: [main_thread]}}'),
    pod('cores'),
    pod('uncaptured', '{interceptionMode: NONE}'),
    bootstraps('cores', { stats_flush_interval: '7s', node: { id: 'nobody' } }),
    bootstraps('plain', { stats_flush_interval: '3s', tracing: { http: { name: 'no-such-tracer' } } }),
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

/** The bootstrap and the command line with which a pod's Envoy runs. */
async function started(name: string) {
  const dump = JSON.parse(await mesh.admin(name, '/config_dump')) as { bootstrap?: unknown };
  const info = JSON.parse(await mesh.admin(name, '/server_info')) as {
    command_line_options: { file_flush_interval: string };
    node: { id: string; metadata: Record<string, unknown> };
  };
  return { text: JSON.stringify(dump), ...info };
}

test('runtime, limits, files and what the proxy says of itself come from the mesh', { skip }, async () => {
  const plain = await started('plain');
  assert.match(plain.text, /"tested.flag":"17"/);
  assert.match(plain.text, /"max_active_downstream_connections":"1234"/);
  assert.match(plain.text, /server\[\.\]hot/);
  assert.equal(plain.command_line_options.file_flush_interval, '0.300s');
  assert.equal(plain.node.metadata['MESH_ID'], 'tested');
  assert.equal(plain.node.metadata['TESTED'], 'yes');
});

test('a pod whose settings say so is not captured, and has no listeners for what would be', { skip }, async () => {
  const listeners = (name: string) => mesh.admin(name, '/listeners');
  assert.match(await listeners('plain'), /virtualOutbound/);
  assert.doesNotMatch(await listeners('uncaptured'), /virtual(Out|In)bound/);
  assert.equal((await started('uncaptured')).node.metadata['INTERCEPTION_MODE'], 'NONE');
});

test("variables of ProxyConfigs and of the mesh are those of the pods' Envoys", { skip }, () => {
  const environments = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--file-flush-min-size-kb\0' + '32\0')) return [];
        return [readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')];
      } catch {
        return [];
      }
    })
    .filter((variables) => variables.includes('SEASON=summer'));
  const flavours = environments.flatMap((variables) => variables.filter((variable) => variable.startsWith('FLAVOUR=')));
  assert.deepEqual(flavours.sort(), ['FLAVOUR=cores', 'FLAVOUR=two']);
  assert.equal(environments.length, 4, 'the other pods have those of the mesh');
});

test('an EnvoyFilter changes the bootstrap; one that Envoy does not start with is left out, and says so', { skip }, async () => {
  const cores = await started('cores');
  assert.match(cores.text, /"stats_flush_interval":"7s"/);
  assert.match(cores.node.id, /^sidecar~.*~cores\.default~/, 'who the proxy is stays its agent to say');
  const plain = await started('plain');
  assert.doesNotMatch(plain.text, /"stats_flush_interval":"3s"/);
  assert.match(mesh.log, /LAT1618[^\n]*bootstrap/);
  assert.match(mesh.log, /bootstrap-plain/);
});

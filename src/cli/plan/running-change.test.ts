// What the running mesh would be with a change: rules wait, what is used stays, and MeshConfig comes from where control reads it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decode } from '../../api/decode.ts';
import { meshConfigDefaults } from '../../api/mesh-config.ts';
import { refOf, refText, type ApiObject } from '../../api/object.ts';
import { readManifest } from '../../sources/manifest.ts';
import type { RunningMesh } from '../running-mesh.ts';
import { runningSides, type RunningChange } from './running-change.ts';

const objectsOf = (text: string): ApiObject[] => readManifest(text, 'a.yaml', decode).items.flatMap(({ object }) => object ?? []);

const service = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}]}
`;
const rule = (subset: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: default}
spec: {hosts: [web], http: [{route: [{destination: {host: web, subset: ${subset}}}]}]}
`;
const subsets = (...names: readonly string[]): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: default}
spec: {host: web, subsets: [${names.map((name) => `{name: ${name}, labels: {version: ${name}}}`).join(', ')}]}
`;
const meshConfig = (mode: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "outboundTrafficPolicy: {mode: ${mode}}"}
`;

const running = (objects: string, more: Partial<RunningMesh> = {}): RunningMesh => ({
  objects: objectsOf(objects),
  waiting: [],
  staying: [],
  clusterId: 'Kubernetes',
  meshConfig: meshConfigDefaults(),
  meshConfigFile: undefined,
  meshNetworks: {},
  ...more,
});
const sides = (mesh: RunningMesh, text: string, more: Partial<RunningChange> = {}) =>
  runningSides(mesh, { upserts: objectsOf(text), deletes: [], ...more });

const subsetOf = (objects: readonly ApiObject[]): string | undefined => {
  const found = objects.find(({ kind }) => kind === 'VirtualService');
  const { spec } = (found?.body ?? {}) as {
    spec?: { http: readonly { route: readonly { destination: { subset: string } }[] }[] };
  };
  return spec?.http[0]?.route[0]?.destination.subset;
};
const names = (objects: readonly ApiObject[]): string[] => objects.map((each) => refText(refOf(each))).sort();

describe('the running mesh with a change', () => {
  it('has an object in its new form, as young as it was', () => {
    const old = objectsOf(rule('v1')).map((each) => ({
      ...each,
      metadata: { ...each.metadata, creationTimestamp: '2026-01-01T00:00:00Z' },
    }));
    const mesh = running([service, subsets('v1', 'v2')].join('---'));
    const { before, after } = sides({ ...mesh, objects: [...mesh.objects, ...old] }, rule('v2'));
    assert.equal(subsetOf(before.objects), 'v1');
    assert.equal(subsetOf(after.objects), 'v2');
    assert.equal(after.objects.find(({ kind }) => kind === 'VirtualService')?.metadata.creationTimestamp, '2026-01-01T00:00:00Z');
  });

  it('keeps a rule in its earlier form while what it leads to is not there', () => {
    const { after } = sides(running([service, subsets('v1'), rule('v1')].join('---')), rule('v9'));
    assert.equal(subsetOf(after.objects), 'v1');
    assert.equal(subsetOf(after.written), 'v9');
    assert.match(after.diagnostics.map(({ message }) => message).join('\n'), /v9/);
  });

  it('brings a waiting rule into effect with what it waits for', () => {
    const mesh = running([service, subsets('v1'), rule('v1')].join('---'), { waiting: objectsOf(rule('v2')) });
    const { before, after } = sides(mesh, subsets('v1', 'v2'));
    assert.equal(subsetOf(before.objects), 'v1');
    assert.equal(subsetOf(before.written), 'v2');
    assert.notEqual(before.diagnostics.length, 0);
    assert.equal(subsetOf(after.objects), 'v2');
    assert.deepEqual(after.diagnostics, []);
  });

  it('keeps what is deleted while a rule uses it, and lets go of what stayed', () => {
    const [gone] = objectsOf(subsets('v1')).map(refOf);
    assert.ok(gone);
    const mesh = running([service, subsets('v1'), rule('v1')].join('---'));
    const { after } = sides(mesh, '', { deletes: [gone] });
    assert.deepEqual(names(after.objects), names(mesh.objects));
    assert.equal(after.written.length, 2);
    const [user] = objectsOf(rule('v1')).map(refOf);
    assert.ok(user);
    const stayed = sides({ ...mesh, staying: [gone] }, '', { deletes: [user] });
    assert.deepEqual(names(stayed.before.objects), names(mesh.objects));
    assert.deepEqual(names(stayed.after.objects), ['Service/default/web']);
  });

  it('takes MeshConfig from the ConfigMap, but for one that control has from a file', () => {
    const before = { ...meshConfigDefaults(), accessLogFile: '/dev/stdout' };
    const modeOf = (mesh: RunningMesh, more: Partial<RunningChange> = {}) =>
      sides(mesh, meshConfig('REGISTRY_ONLY'), more).after.meshConfig.outboundTrafficPolicy.mode;
    assert.equal(modeOf(running(service)), 'REGISTRY_ONLY');
    assert.equal(modeOf(running(service, { meshConfig: before, meshConfigFile: 'mesh.yaml' })), 'ALLOW_ANY');
    const [map] = objectsOf(meshConfig('REGISTRY_ONLY')).map(refOf);
    assert.ok(map);
    const mesh = running([service, meshConfig('REGISTRY_ONLY')].join('---'), { meshConfig: before });
    assert.equal(sides(mesh, '', { deletes: [map] }).after.meshConfig.outboundTrafficPolicy.mode, 'ALLOW_ANY');
    // Text that is no YAML changes nothing, and says so.
    const broken = sides(mesh, meshConfig('REGISTRY_ONLY').replace('}"', '"'));
    assert.deepEqual(broken.after.meshConfig, before);
    assert.notEqual(broken.after.diagnostics.length, 0);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { meshConfigMap, meshNetworksMap, readMeshConfig } from './mesh-config.ts';
import { decodeAnything } from './test-decode.ts';
import { readDocuments } from './yaml.ts';

describe('readMeshConfig', () => {
  it('lays what is given over the defaults, and tells the place of what does not fit', () => {
    const { config, diagnostics, parsed } = readMeshConfig('trustDomain: example.org\nrootNamespace: 5\n', 'mesh.yaml');
    assert.deepEqual([config.trustDomain, config.rootNamespace, parsed], ['example.org', 'istio-system', true]);
    assert.deepEqual([diagnostics.length, diagnostics[0]?.file, diagnostics[0]?.line], [1, 'mesh.yaml', 2]);
  });

  it('says when the text is no YAML', () => {
    const { parsed, diagnostics } = readMeshConfig('a: [', 'mesh.yaml');
    assert.equal(parsed, false);
    assert.equal(diagnostics[0]?.code, 'LAT0101');
  });
});

describe('meshNetworksMap', () => {
  it('reads key meshNetworks of the same ConfigMap', () => {
    const text = `apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  meshNetworks: |
    networks:
      a: {endpoints: [{fromRegistry: east}], gateways: [{address: 192.0.2.1, port: 15443}]}
      b: {gateways: [{address: 192.0.2.2}]}
`;
    const objects = readDocuments(text, 'map.yaml').documents.flatMap(
      ({ value, origin }) => decodeAnything(value, origin).object ?? [],
    );
    const read = meshNetworksMap(objects);
    assert.deepEqual(Object.keys(read?.networks ?? {}), ['a']);
    assert.deepEqual(
      read?.diagnostics.map(({ code, line }) => `${code} ${line}`),
      ['LAT1905 5'],
    );
    assert.equal(meshConfigMap(objects), undefined);
  });
});

describe('meshConfigMap', () => {
  it('reads key mesh of istio-system/istio, and points into the manifest', () => {
    const text = `apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    trustDomain: example.org
    rootNamespace: 5
`;
    const objects = readDocuments(text, 'map.yaml').documents.flatMap(
      ({ value, origin }) => decodeAnything(value, origin).object ?? [],
    );
    const read = meshConfigMap(objects);
    assert.equal(read?.config.trustDomain, 'example.org');
    assert.deepEqual([read?.diagnostics[0]?.file, read?.diagnostics[0]?.line], ['map.yaml', 5]);
    assert.equal(meshConfigMap([]), undefined);
  });
});

// MeshConfig and MeshNetworks: Istio's defaults, and what is left of a file with errors in it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { meshConfigDefaults, meshConfigOf } from './mesh-config.ts';
import { meshNetworksOf } from './mesh-networks.ts';

const places = (findings: readonly { code: string; path: readonly (string | number)[] }[]): string[] =>
  findings.map(({ code, path }) => `${code} ${path.join('.')}`);

test("has Istio's defaults", () => {
  const config = meshConfigDefaults();
  assert.equal(config.rootNamespace, 'istio-system');
  assert.equal(config.trustDomain, 'cluster.local');
  assert.equal(config.outboundTrafficPolicy.mode, 'ALLOW_ANY');
  assert.equal(config.connectTimeout, '10s');
  assert.equal(config.defaultConfig.proxyAdminPort, 15000);
  assert.deepEqual(meshConfigOf(undefined), { config, findings: [] });
  assert.deepEqual(meshConfigOf({}).config, config);
});

test('lays what is given over the defaults', () => {
  const { config, findings } = meshConfigOf({
    outboundTrafficPolicy: {},
    trustDomain: 'td1',
    defaultConfig: { concurrency: 2, statusPort: 15021 },
    accessLogFile: '/dev/stdout',
    extensionProviders: [{ name: 'ext', envoyExtAuthzGrpc: { service: 'ext.ns', port: 9000 } }],
  });
  assert.deepEqual(places(findings), ['LAT0001 extensionProviders.0', 'LAT0002 defaultConfig.statusPort']);
  assert.equal(config.outboundTrafficPolicy.mode, 'REGISTRY_ONLY', "an empty policy has the enum's first value");
  assert.equal(config.trustDomain, 'td1');
  assert.equal(config.defaultConfig.concurrency, 2);
  assert.equal(config.defaultConfig.statNameLength, 189);
  assert.equal(config.extensionProviders.length, 1);
});

test('leaves fields with errors at their defaults and says so', () => {
  const { config, findings } = meshConfigOf({
    connectTimeout: 10,
    trustDomian: 'x',
    h2UpgradePolicy: 'UPGRADE',
    outboundTrafficPolicy: { mode: 'SOME' },
  });
  assert.deepEqual(places(findings), ['LAT1001 connectTimeout', 'LAT1002 trustDomian', 'LAT1003 outboundTrafficPolicy.mode']);
  assert.equal(config.connectTimeout, '10s');
  assert.equal(config.outboundTrafficPolicy.mode, 'ALLOW_ANY');
  assert.equal(config.h2UpgradePolicy, 'UPGRADE');
});

test('checks extension providers', () => {
  const provider = { name: 'a', prometheus: {} };
  assert.deepEqual(places(meshConfigOf({ extensionProviders: [provider, provider, { name: 'b' }] }).findings), [
    'LAT1904 extensionProviders.1.name',
    'LAT1903 extensionProviders.2',
    ...[0, 1, 2].map((index) => `LAT0001 extensionProviders.${index}`),
  ]);
});

test('reads MeshNetworks, leaving out a network with errors', () => {
  const { networks, findings } = meshNetworksOf({
    networks: {
      one: { endpoints: [{ fromRegistry: 'a' }, { fromCidr: '10.0.0.0/8' }], gateways: [{ address: '1.1.1.1', port: 443 }] },
      two: { gateways: [{ port: 443 }] },
      three: { endpoints: [{ fromCidr: 'x' }] },
    },
  });
  assert.deepEqual(Object.keys(networks), ['one']);
  assert.deepEqual(places(findings), ['LAT1905 networks.two.gateways.0', 'LAT1026 networks.three.endpoints.0.fromCidr']);
});

test('never throws', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.equal(meshConfigOf(value).config.proxyListenPort, 15001);
      meshNetworksOf(value);
      meshNetworksOf({ networks: value });
    }),
  );
});

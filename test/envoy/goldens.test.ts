// Every golden case is taken by the real Envoy: all of them in one configuration, each alone only to find out which is not.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { ClusterSchema } from '../../gen/envoy/config/cluster/v3/cluster_pb.js';
import type { Address } from '../../gen/envoy/config/core/v3/address_pb.js';
import { ListenerSchema } from '../../gen/envoy/config/listener/v3/listener_pb.js';
import type { Compiled } from '../../src/compile/compile.ts';
import type { Resource } from '../../src/compile/resource.ts';
import { rejectedBy } from '../support/envoy-validate.ts';
import { compileCase, goldenCases } from '../support/golden-case.ts';

/** Configurations side by side: clusters and listeners get names of their own, and listeners addresses that no other has. */
function sideBySide(all: readonly Compiled[]): Compiled {
  const parts = all.map((compiled, index) => ({
    clusters: compiled.clusters.map((cluster) => renamedCluster(cluster, index)),
    listeners: compiled.listeners.map(movedListener(index)),
    routes: compiled.routes,
    endpoints: compiled.endpoints,
  }));
  return {
    clusters: parts.flatMap(({ clusters }) => clusters),
    listeners: parts.flatMap(({ listeners }) => listeners),
    routes: parts.flatMap(({ routes }) => routes),
    endpoints: parts.flatMap(({ endpoints }) => endpoints),
    secrets: [],
    diagnostics: [],
  };
}

function renamedCluster(resource: Resource, index: number): Resource {
  const cluster = fromBinary(ClusterSchema, resource.bytes);
  cluster.name = `${index}/${cluster.name}`;
  return { ...resource, name: cluster.name, bytes: toBinary(ClusterSchema, cluster) };
}

function movedListener(index: number): (resource: Resource) => Resource {
  const hosts = new Map<string, number>();
  const move = (address: Address | undefined) => {
    if (address?.address.case !== 'socketAddress') return;
    const socket = address.address.value;
    const host = hosts.get(socket.address) ?? hosts.size;
    hosts.set(socket.address, host);
    socket.address = socket.address.includes(':') ? `fd00::${index + 1}:${host + 1}` : `127.${index + 1}.${host + 1}.1`;
  };
  return (resource) => {
    const listener = fromBinary(ListenerSchema, resource.bytes);
    listener.name = `${index}/${listener.name}`;
    move(listener.address);
    for (const { address } of listener.additionalAddresses) move(address);
    return { ...resource, name: listener.name, bytes: toBinary(ListenerSchema, listener) };
  };
}

test('Envoy takes every golden case', { timeout: 120_000 }, async () => {
  const cases = goldenCases().map((golden) => ({ name: golden.name, compiled: compileCase(golden).compiled }));
  const said = await rejectedBy(sideBySide(cases.map(({ compiled }) => compiled)));
  if (said === '') return;
  const refused: string[] = [];
  for (const { name, compiled } of cases) {
    const alone = await rejectedBy(compiled);
    if (alone !== '') refused.push(`${name}: ${alone}`);
  }
  assert.fail(refused.length > 0 ? refused.join('\n') : `no case alone is refused, all together are: ${said}`);
});

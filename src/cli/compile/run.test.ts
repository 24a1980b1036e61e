import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileFiles } from './run.ts';
import { recordedTerminal } from '../../../test/support/terminal.ts';

const service = (clusterIP: string): string => `---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: default}
spec: {clusterIP: ${clusterIP}, selector: {app: db}, ports: [{name: tcp, port: 9000}]}
`;

const serving = (ip: string): string => `---
apiVersion: v1
kind: Pod
metadata: {name: db-0, namespace: default, labels: {app: db, security.istio.io/tlsMode: istio}}
spec: {containers: [{name: c, image: i}]}
status: {podIP: ${ip}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-1, namespace: default, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{name: tcp, port: 9000}]
endpoints: [{addresses: [${ip}], targetRef: {kind: Pod, name: db-0, namespace: default}}]
`;

const root = (network: string): string => `---
apiVersion: v1
kind: Namespace
metadata: {name: istio-system, labels: {topology.istio.io/network: ${network}}}
`;

const rule = `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: db, namespace: default}
spec: {hosts: [db], tcp: [{route: [{destination: {host: db}}]}]}
`;

const files: Readonly<Record<string, string>> = {
  'here.yaml': service('10.96.0.1') + serving('10.1.0.1') + root('a'),
  'east.yaml': service('10.97.0.1') + serving('10.2.0.1') + root('b'),
  'more.yaml': rule,
  'networks.yaml': 'networks: {b: {gateways: [{address: 192.0.2.1, port: 15443}]}}',
};

interface Printed {
  readonly listeners: readonly { readonly name: string }[];
  readonly endpoints: readonly { readonly endpoints: readonly { readonly lbEndpoints: readonly object[] }[] }[];
  readonly diagnostics: readonly { readonly code: string }[];
}

async function compile(folder: string, workload: string) {
  const { terminal, out } = recordedTerminal();
  const file = (name: string): string => join(folder, name);
  const exit = await compileFiles(
    {
      file: [file('here.yaml')],
      workload,
      meshNetworks: file('networks.yaml'),
      remoteCluster: [`east=${file('east.yaml')}`, `east=${file('more.yaml')}`],
      clusterId: 'here',
      delivery: 'eager',
      output: 'json',
    },
    terminal,
  );
  return { exit, printed: JSON.parse(out()) as Printed };
}

test("a pod's proxy is of its own cluster and network; others' endpoints are behind their gateway, and others' rules count for nothing", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lateen-compile-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const { exit, printed } = await compile(folder, 'db-0');
    assert.equal(exit, 0);
    assert.ok(printed.listeners.some(({ name }) => name === '10.96.0.1_9000'));
    const text = JSON.stringify(printed.endpoints);
    assert.deepEqual(
      [...text.matchAll(/"address":"([\d.]+)"/g)].map(([, address]) => address),
      ['10.1.0.1', '192.0.2.1'],
    );
    assert.deepEqual(
      printed.diagnostics.map(({ code }) => code),
      ['LAT0105'],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

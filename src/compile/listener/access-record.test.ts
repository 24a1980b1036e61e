// Where loggers of access records stand: at every place that takes requests or connections of a proxy whose agent takes records, and
// nowhere of any other.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { AccessLogSchema, type AccessLog } from '../../../gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import type { FilterChain } from '../../../gen/envoy/config/listener/v3/listener_components_pb.js';
import { OpenTelemetryAccessLogConfigSchema } from '../../../gen/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.js';
import { HttpConnectionManagerSchema } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { TcpProxySchema } from '../../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { parseAllDocuments } from 'yaml';
import { decode } from '../../api/decode.ts';
import { meshConfigDefaults, type MeshConfig } from '../../api/mesh-config.ts';
import { originOf } from '../../api/object.ts';
import { compileProxy } from '../compile.ts';
import { parseNode } from '../node.ts';
import { recordFields, recordsKey, type RecordSide } from './access-record.ts';

const manifest = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {clusterIP: 10.96.0.5, selector: {app: web}, ports: [{name: http, port: 80}, {name: tcp, port: 90}, {name: auto, port: 91}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: default}
spec:
  selector: {app: web}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}
  - {port: {number: 90, name: tcp, protocol: TCP}, hosts: ["*"]}
  - {port: {number: 443, name: tls, protocol: TLS}, tls: {mode: AUTO_PASSTHROUGH}, hosts: ["*.local"]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: default}
spec:
  hosts: ["*"]
  gateways: [gw]
  tcp: [{route: [{destination: {host: web, port: {number: 90}}}]}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: any, namespace: default}
spec:
  hosts: ["*.example.com"]
  resolution: DYNAMIC_DNS
  ports: [{number: 8443, name: tls, protocol: TLS}, {number: 8080, name: http, protocol: HTTP}]
`;

const input = parseAllDocuments(manifest).map((document) => {
  const { object, diagnostics } = decode(document.toJS(), originOf('test'));
  assert.ok(object, diagnostics.map(({ message }) => message).join('; '));
  return object;
});

function listeners(type: 'sidecar' | 'router', metadata: object, delivery: 'eager' | 'demand', config: Partial<MeshConfig> = {}) {
  const node = parseNode({
    id: `${type}~10.1.0.9~web-0.default~default.svc.cluster.local`,
    metadata: { NAMESPACE: 'default', LABELS: { app: 'web' }, ...metadata },
  });
  assert.ok(typeof node !== 'string');
  const compiled = compileProxy({ objects: input, meshConfig: { ...meshConfigDefaults(), ...config }, node, delivery });
  return compiled.listeners.map(({ bytes }) => fromBinary(ListenerSchema, bytes));
}

function logsOf({ filters }: FilterChain): AccessLog[] {
  const last = filters.at(-1)?.configType;
  assert.ok(last?.case === 'typedConfig');
  const taker = anyUnpack(last.value, HttpConnectionManagerSchema) ?? anyUnpack(last.value, TcpProxySchema);
  assert.ok(taker !== undefined, 'each chain ends in one of the two');
  return taker.accessLog;
}

/** `outbound`, `inbound`, `gateway`, by what each logger writes at the head of its records. */
const sides = (logs: readonly AccessLog[]): (string | undefined)[] =>
  logs.map(({ configType }) => {
    assert.ok(configType.case === 'typedConfig');
    const body = anyUnpack(configType.value, OpenTelemetryAccessLogConfigSchema)?.body?.value;
    return body?.case === 'stringValue' ? body.value.split('\u001F')[1] : undefined;
  });

const cases: readonly ['sidecar' | 'router', 'eager' | 'demand'][] = [
  ['sidecar', 'eager'],
  ['sidecar', 'demand'],
  ['router', 'eager'],
];

for (const [type, delivery] of cases) {
  test(`${type}, ${delivery}: a logger in every chain, and of what listeners refuse`, () => {
    const found = listeners(type, { [recordsKey]: true, LATEEN_DELIVERY: delivery }, delivery);
    assert.ok(found.length >= 3);
    for (const listener of found) {
      const side: RecordSide = type === 'router' ? 'gateway' : listener.name === 'virtualInbound' ? 'inbound' : 'outbound';
      const chains = [...listener.filterChains, ...(listener.defaultFilterChain ? [listener.defaultFilterChain] : [])];
      for (const chain of chains) assert.deepEqual(sides(logsOf(chain)), [side], `${listener.name} ${chain.name}`);
      assert.deepEqual(sides(listener.accessLog), side === 'outbound' ? [] : [side], listener.name);
    }
  });

  test(`${type}, ${delivery}: none where the agent takes no records`, () => {
    for (const listener of listeners(type, { LATEEN_DELIVERY: delivery }, delivery)) {
      const chains = [...listener.filterChains, ...(listener.defaultFilterChain ? [listener.defaultFilterChain] : [])];
      for (const logs of [listener.accessLog, ...chains.map(logsOf)]) assert.deepEqual(logs, []);
    }
  });
}

/** Of every listener and chain the loggers that are no records'. */
const ownLogs = (found: ReturnType<typeof listeners>) =>
  found.flatMap((listener) => {
    const chains = [...listener.filterChains, ...(listener.defaultFilterChain ? [listener.defaultFilterChain] : [])];
    return [listener.accessLog, ...chains.map(logsOf)].map((logs) =>
      logs
        .filter(({ name }) => name !== 'envoy.access_loggers.open_telemetry')
        .map((log) => Buffer.from(toBinary(AccessLogSchema, log)).toString('base64')),
    );
  });

for (const [type, delivery] of cases) {
  test(`${type}, ${delivery}: the mesh's own access logs are the same with records and without`, () => {
    const config = { accessLogFile: '/dev/stdout', accessLogEncoding: 'JSON' } as const;
    const metadata = { LATEEN_DELIVERY: delivery };
    const [recorded, silent] = [{ ...metadata, [recordsKey]: true }, metadata].map((each) =>
      ownLogs(listeners(type, each, delivery, config)),
    );
    assert.deepEqual(recorded, silent);
    // One of every chain, and one of every listener.
    assert.ok(silent?.every((logs) => logs.length === 1));
  });
}

test('no header is recorded but the id and the authority that was asked for, and no query', () => {
  const operators = recordFields.map(([, operator]) => operator).join(' ');
  assert.deepEqual(operators.match(/%(?:REQ|RESP|TRAILER)\([^)]*\)/g), [
    '%REQ(X-REQUEST-ID)',
    '%REQ(:METHOD)',
    '%REQ(X-ENVOY-ORIGINAL-HOST?:AUTHORITY)',
  ]);
  assert.match(operators, /%PATH\(NQ:ORIG_OR_PATH\):256%/);
});

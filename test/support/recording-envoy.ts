// One real Envoy with the bootstrap of a workload whose agent takes its access records, and listeners of the test's: no control plane.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, createRegistry, toJson, type JsonValue } from '@bufbuild/protobuf';
import { AccessLogSchema } from '../../gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { OpenTelemetryAccessLogConfigSchema } from '../../gen/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.js';
import { recordLoggers, requestLoggers } from '../../src/compile/listener/access-record.ts';
import type { GrpcHandler } from '../../src/lib/grpc/call.ts';
import { serveGrpc } from '../../src/lib/grpc/server.ts';
import { adminRequest, type AdminAnswer } from '../../src/node/admin.ts';
import { bootstrapJson } from '../../src/node/bootstrap.ts';
import { findEnvoy } from '../../src/node/envoy-binary.ts';
import { until } from './until.ts';

export interface RecordingEnvoy extends AsyncDisposable {
  readonly pid: number | undefined;
  /** A path in its folder, where sockets of listeners and clusters are. */
  readonly path: (name: string) => string;
  admin(method: 'GET' | 'POST', path: string): Promise<AdminAnswer>;
}

export interface RecordingOptions {
  /** Takes the records. */
  readonly handlers: Readonly<Record<string, GrpcHandler>>;
  readonly listeners: (path: RecordingEnvoy['path']) => readonly object[];
  readonly clusters?: (path: RecordingEnvoy['path']) => readonly object[];
}

const registry = createRegistry(OpenTelemetryAccessLogConfigSchema);
const json = (logs: ReturnType<typeof recordLoggers>): JsonValue[] =>
  logs.map((log) => toJson(AccessLogSchema, create(AccessLogSchema, log), { registry }));

/** The loggers of requests and of connections, as JSON. */
export const requestLogs = json(requestLoggers('outbound'));
export const connectionLogs = json(recordLoggers('outbound'));

/** `filters.http.router.v3.Router` as the JSON of an Any. */
export const typed = (type: string, message: object): object => ({
  '@type': `type.googleapis.com/envoy.extensions.${type}`,
  ...message,
});

export const originMetadata = (source: string) => ({ filterMetadata: { lateen: { source } } });

const description = {
  kind: 'sidecar',
  name: 'web-0',
  namespace: 'default',
  serviceAccount: 'web',
  labels: {},
  annotations: {},
  addresses: ['10.9.0.1'],
  workloadName: 'web',
  domain: 'cluster.local',
  clusterId: 'Kubernetes',
  meshId: 'cluster.local',
  istioVersion: '1.32.0',
  interceptionMode: 'REDIRECT',
  records: true,
} as const;

export async function startRecordingEnvoy({
  handlers,
  listeners,
  clusters = () => [],
}: RecordingOptions): Promise<RecordingEnvoy> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'lt-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string): string => join(folder, name);
  stack.use(await serveGrpc({ handlers, listen: { path: path('agent.sock') } }));

  const made = JSON.parse(
    bootstrapJson({ proxy: description, agentSocket: path('agent.sock'), adminSocket: path('admin.sock') }),
  ) as { dynamicResources?: object; staticResources: { clusters: object[] } };
  delete made.dynamicResources;
  const resources = { clusters: [...made.staticResources.clusters, ...clusters(path)], listeners: listeners(path) };
  writeFileSync(path('envoy.json'), JSON.stringify({ ...made, staticResources: resources }));
  const flags = ['-c', path('envoy.json'), '--disable-hot-restart', '--concurrency', '1', '--log-level', 'error'];
  const envoy = spawn(await findEnvoy(), flags, { stdio: 'inherit' });
  stack.defer(async () => {
    if (envoy.exitCode === null && envoy.kill('SIGKILL')) await once(envoy, 'exit');
  });
  const admin = (method: 'GET' | 'POST', url: string) => adminRequest(path('admin.sock'), method, url);
  await until(
    () =>
      admin('GET', '/ready').then(
        ({ status }) => status === 200,
        () => envoy.exitCode !== null && Promise.reject(new Error('Envoy did not start')),
      ),
    () => 'Envoy to be ready',
  );
  const undo = stack.move();
  return { pid: envoy.pid, path, admin, [Symbol.asyncDispose]: () => undo.disposeAsync() };
}

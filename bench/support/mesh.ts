// The mesh that benchmarks measure in: `lateen up` with strict mutual TLS, small workloads, and programs run inside them.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { recordsAnnotation } from '../../src/compile/listener/access-record.ts';
import { findEnvoy } from '../../src/node/envoy-binary.ts';
import { node, startMesh, whyNoMesh, type RunningMesh } from '../../test/support/mesh.ts';

export const originPort = 8080;

const script = (name: string): string => new URL(`${name}.ts`, import.meta.url).pathname;

/** The words that run one of the programs of this folder. */
export const program = (name: 'load-origin' | 'load-generator' | 'load-first-answer', ...args: readonly string[]): string[] => [
  node,
  '--disable-warning=ExperimentalWarning',
  script(name),
  ...args,
];

/** Why no mesh can be measured here; undefined when it can. */
export async function whyNot(): Promise<string | undefined> {
  const sandbox = whyNoMesh();
  if (sandbox !== false) return sandbox;
  return findEnvoy().then(
    () => undefined,
    (error: unknown) => (error as Error).message,
  );
}

export const strictMutualTls: object = {
  apiVersion: 'security.istio.io/v1',
  kind: 'PeerAuthentication',
  metadata: { name: 'default', namespace: 'istio-system' },
  spec: { mtls: { mode: 'STRICT' } },
};

export interface Container {
  readonly name: string;
  readonly command: readonly string[];
  readonly ports?: readonly number[];
}

export interface PodOptions {
  /** Outside it has no proxy, and nothing of its traffic is captured. */
  readonly inMesh?: boolean;
  /** Which access records its proxy writes; `true` is the default of all pods. */
  readonly records?: 'true' | 'all' | 'false';
}

/** A Deployment of one pod. */
export function deployment(name: string, containers: readonly Container[], options: PodOptions = {}): object {
  const { inMesh = true, records = 'true' } = options;
  const annotations = inMesh ? { [recordsAnnotation]: records } : { 'sidecar.istio.io/inject': 'false' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name }, annotations },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: containers.map(({ ports = [], ...container }) => ({
            ...container,
            image: 'none',
            ports: ports.map((containerPort) => ({ containerPort })),
          })),
        },
      },
    },
  };
}

/** A pod that does nothing but hold programs that are run in it. */
export const caller = (name: string, options: PodOptions = {}): object =>
  deployment(name, [{ name: 'app', command: ['sleep', 'infinity'] }], options);

/** The container of load-origin.ts. */
export const origin: Container = { name: 'origin', command: program('load-origin', String(originPort)), ports: [originPort] };

/** The container of load-origin.ts as a Deployment with its Service. */
export const server = (name: string, options: PodOptions = {}): object[] => [
  deployment(name, [origin], options),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: originPort }] },
  },
];

export const urlOf = (name: string, path = '/'): string => `http://${name}:${originPort}${path}`;

export const manifest = (objects: readonly object[]): string => objects.map((object) => stringify(object)).join('---\n');

export const startWith = (objects: readonly object[]): Promise<RunningMesh> => startMesh({ text: manifest(objects) });

/** A program inside a workload that is spoken with line by line. */
export interface Conversation extends AsyncDisposable {
  /** Its next line; rejects when it ends without one. */
  line(): Promise<string>;
  say(line: string): void;
}

export function converse(mesh: RunningMesh, workload: string, command: readonly string[]): Conversation {
  const child: ChildProcess = mesh.execute(workload, command);
  const ended = once(child, 'close');
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-2000)));
  child.stdin?.on('error', () => {});
  if (child.stdout === null) throw new Error('a program was started without its output');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async line() {
      const next = await lines.next();
      if (next.done !== true) return next.value;
      await ended;
      throw new Error(`the program in ${workload} ended: ${complaint.trim()}`);
    },
    say: (line) => void child.stdin?.write(`${line}\n`),
    async [Symbol.asyncDispose]() {
      child.stdin?.end();
      await ended;
    },
  };
}

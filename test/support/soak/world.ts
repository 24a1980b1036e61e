// The mesh of a soak: callers, services of two versions each, a server outside of the mesh, and all at the ingress gateway.

import { fileURLToPath } from 'node:url';
import { node } from '../mesh.ts';
import type { LanePlan } from './lanes.ts';

const program = fileURLToPath(new URL('server-program.ts', import.meta.url));

/**
 * The services by name, and what of each is served at which port. What a port speaks whose name does not say it is detected. Policies and
 * modes of security change for `guarded` alone, which has short exchanges only: connections that the proxy took under an earlier word
 * end after the time to drain.
 */
export const services = {
  web: [
    { name: 'http', port: 8000, serves: 'http' },
    { name: 'guessed', port: 8070, serves: 'http' },
    { name: 'http2', port: 8001, serves: 'h2' },
  ],
  rpc: [{ name: 'grpc', port: 9000, serves: 'h2' }],
  wire: [
    { name: 'tcp', port: 9100, serves: 'tcp' },
    { name: 'tcp-banner', port: 9101, serves: 'banner' },
    { name: 'tcp-echo', port: 9102, serves: 'tcp' },
  ],
  guarded: [
    { name: 'http', port: 8000, serves: 'http' },
    { name: 'guessed', port: 8070, serves: 'http' },
    { name: 'http2', port: 8001, serves: 'h2' },
    { name: 'grpc', port: 9000, serves: 'h2' },
    { name: 'tcp', port: 9100, serves: 'tcp' },
    { name: 'tcp-banner', port: 9101, serves: 'banner' },
  ],
} as const;

export type ServiceName = keyof typeof services;
export const serviceNames = Object.keys(services) as ServiceName[];
export const versions = ['v1', 'v2'] as const;

/** By how a sidecar gets its clusters. */
export const callers = { 'caller-demand': 'demand', 'caller-eager': 'eager' } as const;

/** The host that a ServiceEntry gives the server outside. */
export const outsideHost = 'outside.example';
export const gatewayPorts = { http: 80, https: 443, tcp: 9400, echo: 9401 } as const;
/** The name under which the gateway serves each service. */
export const publicHost = (service: ServiceName): string => `${service}.example`;

type Document = Readonly<Record<string, unknown>>;

const servers = (service: ServiceName): string[] => services[service].map(({ serves, port }) => `${serves}:${port}`);

const podSpec = (version: string, served: readonly string[]): object => ({
  terminationGracePeriodSeconds: 20,
  containers: [
    {
      name: 'server',
      image: 'curlimages/curl',
      command: [node, '--disable-warning=ExperimentalWarning', program, version, ...served],
      ports: served.map((each) => ({ containerPort: Number(each.split(':')[1]) })),
    },
  ],
});

export function service(name: string, of: ServiceName): Document {
  const ports = services[of].map(({ name: port, port: number }) => ({ name: port, port: number }));
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: { app: of }, ports } };
}

/** `word` is in the template: with another one all pods are replaced. */
export function deployment(of: ServiceName, version: string, replicas: number, word: string): Document {
  const labels = { app: of, version };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `${of}-${version}` },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels, annotations: { word } }, spec: podSpec(version, servers(of)) },
    },
  };
}

const bare = (name: string, annotations: Readonly<Record<string, string>>, spec: object): Document => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name }, annotations },
  spec,
});

export const manifests = (): Document[] => [
  ...serviceNames.flatMap((name) => [service(name, name), ...versions.map((version) => deployment(name, version, 1, '0'))]),
  ...Object.entries(callers).map(([name, delivery]) =>
    bare(
      name,
      { 'lateen.dev/delivery': delivery },
      { containers: [{ name: 'caller', image: 'curlimages/curl', command: ['/bin/sleep', 'infinity'] }] },
    ),
  ),
  bare('outside', { 'sidecar.istio.io/inject': 'false' }, podSpec('v1', ['http:8000', 'tcp:9100'])),
];

/** What a pod calls. */
export const insidePlans: Readonly<Record<string, LanePlan>> = {
  http: { kind: 'http', host: 'web', port: 8000, authority: 'web:8000' },
  guessed: { kind: 'http', host: 'web', port: 8070, authority: 'web:8070' },
  h2: { kind: 'h2', host: 'web', port: 8001, authority: 'web:8001' },
  websocket: { kind: 'websocket', host: 'web', port: 8000, authority: 'web:8000' },
  grpc: { kind: 'grpc', host: 'rpc', port: 9000, authority: 'rpc:9000' },
  stream: { kind: 'stream', host: 'rpc', port: 9000, authority: 'rpc:9000' },
  talk: { kind: 'talk', host: 'rpc', port: 9000, authority: 'rpc:9000' },
  tcp: { kind: 'tcp', host: 'wire', port: 9100, authority: '' },
  echo: { kind: 'echo', host: 'wire', port: 9102, authority: '' },
  banner: { kind: 'banner', host: 'wire', port: 9101, authority: '' },
  'guarded-http': { kind: 'http', host: 'guarded', port: 8000, authority: 'guarded:8000' },
  'guarded-guessed': { kind: 'http', host: 'guarded', port: 8070, authority: 'guarded:8070' },
  'guarded-h2': { kind: 'h2', host: 'guarded', port: 8001, authority: 'guarded:8001' },
  'guarded-grpc': { kind: 'grpc', host: 'guarded', port: 9000, authority: 'guarded:9000' },
  'guarded-tcp': { kind: 'tcp', host: 'guarded', port: 9100, authority: '' },
  'guarded-banner': { kind: 'banner', host: 'guarded', port: 9101, authority: '' },
  outside: { kind: 'http', host: outsideHost, port: 8000, authority: outsideHost },
};

/** What comes through the gateway, by where its ports are on the host. */
export const outsidePlans = (ports: Readonly<Record<keyof typeof gatewayPorts, number>>): Record<string, LanePlan> => {
  const at = (kind: LanePlan['kind'], port: number, authority = ''): LanePlan => ({ kind, host: '127.0.0.1', port, authority });
  return {
    'gateway-http': at('http', ports.http, publicHost('web')),
    'gateway-https': at('https', ports.https, publicHost('web')),
    'gateway-websocket': at('websocket', ports.http, publicHost('web')),
    'gateway-grpc': at('grpc', ports.http, publicHost('rpc')),
    'gateway-talk': at('talk', ports.http, publicHost('rpc')),
    'gateway-tcp': at('tcp', ports.tcp),
    'gateway-echo': at('echo', ports.echo),
    'gateway-guarded': at('http', ports.http, publicHost('guarded')),
  };
};

// The rules and policies of a soak's services, worded anew each time by chance: all of them let every request through.

import type { Random } from './random.ts';
import { gatewayPorts, publicHost, services, type ServiceName } from './world.ts';

export type Document = Readonly<Record<string, unknown>>;

const object =
  (apiVersion: string) =>
  (kind: string, name: string, spec: object, namespace = 'default'): Document => ({
    apiVersion,
    kind,
    metadata: { name, namespace },
    spec,
  });

const networking = object('networking.istio.io/v1');
const patching = object('networking.istio.io/v1alpha3');
const security = object('security.istio.io/v1');
const telemetry = object('telemetry.istio.io/v1');

/** Where a service's requests are sent: some of its subsets, or all of it; another service of the same pods. */
export interface Target {
  readonly host: string;
  readonly subsets: readonly string[];
}

/** `port` is needed for connections, which do not say it themselves. */
function weighted({ host, subsets }: Target, random: Random, port?: number): object[] {
  const to = (subset?: string) => ({ host, ...(subset !== undefined && { subset }), ...(port && { port: { number: port } }) });
  if (subsets.length === 0) return [{ destination: to() }];
  if (subsets.length === 1) return [{ destination: to(subsets[0]) }];
  const share = Math.floor(random.next() * 101);
  return subsets.slice(0, 2).map((subset, index) => ({ destination: to(subset), weight: index === 0 ? share : 100 - share }));
}

function httpRule(of: ServiceName, target: Target, port: number | undefined, random: Random): object {
  const { host, subsets } = target;
  const mirrored = { host, ...(subsets.length > 0 && { subset: random.pick(subsets) }) };
  return {
    route: weighted(target, random, port),
    // A talk has no end that a time-out could wait for.
    ...(of !== 'rpc' && random.chance(0.4) && { timeout: `${20 + Math.floor(random.next() * 20)}s` }),
    ...(random.chance(0.3) && {
      retries: { attempts: 1 + Math.floor(random.next() * 4), retryOn: 'gateway-error,connect-failure' },
    }),
    ...(random.chance(0.3) && {
      headers: { request: { set: { 'x-soak': String(random.next()) } }, response: { remove: ['x-none'] } },
    }),
    ...(of === 'web' && random.chance(0.3) && { mirror: mirrored, mirrorPercentage: { value: 20 } }),
  };
}

/** The rules for callers inside of the mesh, or at the gateway. */
export function virtualService(of: ServiceName, place: 'inside' | 'edge', target: Target, random: Random): Document {
  const edge = place === 'edge';
  const hosts = !edge ? [of] : of === 'wire' ? ['*'] : [publicHost(of)];
  const bound = { hosts, ...(edge && { gateways: ['edge'] }) };
  if (of === 'wire') return networking('VirtualService', `${of}-${place}`, { ...bound, tcp: tcpRules(edge, target, random) });
  const unmet = { match: [{ headers: { 'x-never': { exact: String(random.next()) } } }], directResponse: { status: 418 } };
  // Outside of the mesh the port that was called says nothing of the service's.
  const port = of === 'rpc' ? 9000 : edge ? 8000 : undefined;
  const http = [...(random.chance(0.4) ? [unmet] : []), httpRule(of, target, port, random)];
  return networking('VirtualService', `${of}-${place}`, { ...bound, http });
}

/** The port of long connections has no rule, or one that stays: connections of a rule that changes end after the time to drain. */
function tcpRules(edge: boolean, target: Target, random: Random): object[] {
  const ruled = (port: number, to: number) => ({ match: [{ port }], route: weighted(target, random, to) });
  if (!edge) return [ruled(9100, 9100), ruled(9101, 9101)];
  const staying = { match: [{ port: gatewayPorts.echo }], route: [{ destination: { host: 'wire', port: { number: 9102 } } }] };
  return [staying, ruled(gatewayPorts.tcp, 9100)];
}

/** Of a name's first letter: a subset of the first version, or of the second. */
const versionOf = (subset: string): string => (subset.startsWith('a') ? 'v1' : 'v2');

export interface PolicyOptions {
  readonly subsets: readonly string[];
  /** One port, of short requests only, without TLS. */
  readonly plainPort?: number | undefined;
}

export function destinationRule(of: ServiceName, { subsets, plainPort }: PolicyOptions, random: Random): Document {
  const trafficPolicy = {
    connectionPool: {
      tcp: { connectTimeout: `${2 + Math.floor(random.next() * 8)}s` },
      ...(of !== 'wire' && random.chance(0.3) && { http: { maxRequestsPerConnection: 5 + Math.floor(random.next() * 50) } }),
    },
    ...(random.chance(0.5) && { loadBalancer: { simple: random.pick(['RANDOM', 'ROUND_ROBIN', 'LEAST_REQUEST']) } }),
    ...(random.chance(0.3) && { tls: { mode: 'ISTIO_MUTUAL' } }),
    ...(plainPort !== undefined && { portLevelSettings: [{ port: { number: plainPort }, tls: { mode: 'DISABLE' } }] }),
  };
  return networking('DestinationRule', of, {
    host: of,
    trafficPolicy,
    subsets: subsets.map((name) => ({ name, labels: { version: versionOf(name) } })),
  });
}

const guarded = { matchLabels: { app: 'guarded' } };

/** Each in effect lets everybody through who calls; the words that ask who it is want mutual TLS. */
export function authorization(anonymous: boolean, random: Random): Document {
  const ports = services.guarded.map(({ port }) => String(port));
  const open = [
    { rules: [{}] },
    { rules: [{ to: [{ operation: { ports } }] }] },
    { rules: [{ when: [{ key: 'destination.port', values: ports }] }] },
  ];
  const named = [
    { rules: [{ from: [{ source: { namespaces: ['default', 'istio-system'] } }] }] },
    { rules: [{ from: [{ source: { principals: ['*'] } }] }] },
    { rules: [{ from: [{ source: { notNamespaces: ['nowhere'] } }], to: [{ operation: { ports } }] }] },
  ];
  const denied = { action: 'DENY', rules: [{ from: [{ source: { namespaces: ['nowhere'] } }] }] };
  return security('AuthorizationPolicy', 'guarded', {
    selector: guarded,
    ...random.pick([...open, denied, ...(anonymous ? [] : named)]),
  });
}

export function peerAuthentication(mode: string): Document {
  return security('PeerAuthentication', 'guarded', { selector: guarded, mtls: { mode } });
}

/** Leaves the callers everything that they call, in different words. */
export function sidecar(random: Random): Document {
  const own = ['./*', 'istio-system/*'];
  const named = [
    ...Object.keys(services).map((name) => `./${name}.default.svc.cluster.local`),
    './outside.example',
    'istio-system/*',
  ];
  return networking('Sidecar', 'default', { egress: [{ hosts: random.pick([own, named, ['*/*']]) }] });
}

/** Changes a cluster's or a route's field that decides nothing. */
export function envoyFilter(of: ServiceName, random: Random): Document {
  const seconds = `${3 + Math.floor(random.next() * 5)}s`;
  const patches = [
    {
      applyTo: 'CLUSTER',
      match: { context: 'SIDECAR_OUTBOUND', cluster: { service: `${of}.default.svc.cluster.local` } },
      patch: { operation: 'MERGE', value: { connect_timeout: seconds } },
    },
    {
      applyTo: 'VIRTUAL_HOST',
      match: { context: 'GATEWAY' },
      patch: {
        operation: 'MERGE',
        value: {
          request_headers_to_add: [{ header: { key: 'x-patched', value: seconds }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
        },
      },
    },
  ];
  return patching('EnvoyFilter', `harmless-${of}`, { configPatches: [random.pick(patches)] });
}

export const harmlessTelemetry = (random: Random): Document =>
  telemetry('Telemetry', 'harmless', { tracing: [{ randomSamplingPercentage: Math.floor(random.next() * 100) }] });

export const gateway = (credentialName: string): Document =>
  networking('Gateway', 'edge', {
    selector: { istio: 'ingressgateway' },
    servers: [
      { port: { number: gatewayPorts.http, name: 'http', protocol: 'HTTP' }, hosts: ['*'] },
      {
        port: { number: gatewayPorts.https, name: 'https', protocol: 'HTTPS' },
        hosts: ['*'],
        tls: { mode: 'SIMPLE', credentialName },
      },
      { port: { number: gatewayPorts.tcp, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] },
      { port: { number: gatewayPorts.echo, name: 'echo', protocol: 'TCP' }, hosts: ['*'] },
    ],
  });

export const serviceEntry = (host: string, address: string): Document =>
  networking('ServiceEntry', host.replaceAll('.', '-'), {
    hosts: [host],
    resolution: 'STATIC',
    ports: [
      { number: 8000, name: 'http', protocol: 'HTTP' },
      { number: 9100, name: 'tcp', protocol: 'TCP' },
    ],
    endpoints: [{ address }],
  });

// A request from its caller to where it ends: through the caller's proxy, and on to the proxies of those it is sent to.

import type { ProxyConfiguration } from './configuration.ts';
import { explain } from './explain.ts';
import type { Endpoint, Explanation, Forwarded, Target } from './explanation.ts';
import { nowhere, type Locate } from './origins.ts';
import { listed } from './passage.ts';
import type { Entry, HttpVersion, Request } from './request.ts';

/** A proxy on the way. */
export interface Proxy {
  /** `reviews-v1.default`. */
  readonly name: string;
  /** The same object for proxies that have the same configuration. */
  readonly configuration: ProxyConfiguration;
  /** Its address, from which it calls others; undefined: that of the connection that it got. */
  readonly address?: string | undefined;
  /** What its certificate says: `spiffe://cluster.local/ns/default/sa/default`. */
  readonly identity: string;
  /** Whether its workload is behind the redirection of a sidecar. */
  readonly sidecar: boolean;
}

/** What is known of who runs where. */
export interface World {
  /** The proxy whose workload has an address; undefined where none is known. */
  readonly proxyAt: (address: string) => Proxy | undefined;
  readonly locate?: Locate;
}

export interface Journey {
  /** Whose proxy it is. */
  readonly proxy: string;
  readonly explanation: Explanation;
  /** Where it goes from here; empty where it ends, or nothing is known of what is behind. */
  readonly onward: readonly Onward[];
  /** The other ways that its proxy leaves to chance, likeliest first; each is as probable as its explanation says. */
  readonly otherwise: readonly Journey[];
}

export interface Onward {
  readonly cluster: string;
  /** Of what the proxy before it sends, 0 to 1. */
  readonly share: number;
  readonly endpoint: Endpoint;
  /** Why the caller's proxy takes the server for another, and ends the handshake; undefined: it does not. */
  readonly refusal?: string;
  /** What the server's proxy does with it; where there is a refusal it never gets that far. */
  readonly journey: Journey;
}

/** Further than any request goes that is not sent in a circle. */
const longest = 5;
/** Proxies of one cluster that are told apart. */
const widest = 4;

/** The way of a request from one proxy on. */
export function journey(from: Proxy, request: Request, world: World): Journey {
  return stage(from, request, world, 0);
}

function stage(proxy: Proxy, request: Request, world: World, depth: number): Journey {
  const { otherwise, ...explanation } = explain(proxy.configuration, request, world.locate ?? nowhere);
  const way = (each: Explanation, others: readonly Journey[]): Journey => {
    const { outcome } = each;
    const onward = outcome.kind === 'forwarded' && depth < longest ? onwards(proxy, request, outcome, world, depth) : [];
    return { proxy: proxy.name, explanation: each, onward, otherwise: others };
  };
  return way(
    { ...explanation, otherwise: [] },
    otherwise.map((each) => way(each, [])),
  );
}

function onwards(proxy: Proxy, request: Request, { targets }: Forwarded, world: World, depth: number): Onward[] {
  return targets.flatMap((target) => {
    if (target.failure !== undefined) return [];
    // What reached its own sidecar goes to the application, which has no proxy before it.
    if (request.entry === 'inbound') return [];
    return hostsOf(target, proxy, world).map(({ endpoint, share, proxy: next }) => {
      const arriving = arrivalAt(next, endpoint, target, proxy, request);
      const refusal = refusalOf(endpoint, next);
      return {
        cluster: target.cluster,
        share: target.share * share,
        endpoint,
        ...(refusal !== undefined && { refusal }),
        journey: stage(next, arriving, world, depth + 1),
      };
    });
  });
}

/** In mutual TLS a server has to prove that it is one of those that the cluster names. */
function refusalOf({ tls }: Endpoint, { identity }: Proxy): string | undefined {
  if (
    tls?.mode !== 'mutual' ||
    tls.expects.length === 0 ||
    tls.expects.some((each) => !each.startsWith('"') || each === `"${identity}"`)
  )
    return undefined;
  return `the server proves to be ${identity}, and ${listed(tls.expects, 'or')} is expected`;
}

interface Host {
  readonly endpoint: Endpoint;
  readonly share: number;
  readonly proxy: Proxy;
}

/** One endpoint for each configuration that is met, with the share of all that have it. */
function hostsOf({ destination }: Target, from: Proxy, world: World): Host[] {
  const found = new Map<object, Host>();
  for (const group of destination?.groups ?? []) {
    const usable = group.endpoints.filter(({ healthy }) => healthy);
    const total = usable.reduce((sum, { weight }) => sum + weight, 0);
    for (const endpoint of usable) {
      const other = world.proxyAt(endpoint.address);
      const own = other === undefined ? ownListener(endpoint, from) : undefined;
      const proxy = other ?? (own && from);
      if (proxy === undefined || group.share === 0) continue;
      const share = group.share * (endpoint.weight / total);
      const met = own ?? proxy.configuration;
      const same = found.get(met);
      found.set(met, same === undefined ? { endpoint, share, proxy } : { ...same, share: same.share + share });
    }
  }
  return [...found.values()].toSorted((a, b) => b.share - a.share).slice(0, widest);
}

/** The listener of the same proxy that an endpoint is reached by. */
const ownListener = ({ through }: Endpoint, { configuration }: Proxy) =>
  through === undefined ? undefined : configuration.listeners.find(({ name }) => name === through);

/** The request as the next proxy gets it. */
function arrivalAt(next: Proxy, endpoint: Endpoint, target: Target, before: Proxy, request: Request): Request {
  const { tls } = endpoint;
  const connection = {
    entry: entryAt(next, endpoint, before),
    destination: { address: endpoint.address, port: endpoint.port },
    source: {
      address: before.address ?? request.source.address,
      ...(tls?.mode === 'mutual'
        ? { identity: before.identity }
        : tls === undefined && request.source.identity !== undefined && { identity: request.source.identity }),
    },
  };
  const sent = target.request;
  if (request.kind === 'tcp' || sent === undefined) {
    // The caller's own TLS goes inside what the proxy adds, and is bytes like any others.
    const own = tls === undefined ? request.tls : { sni: tls.sni, alpn: tls.alpn };
    const inside =
      tls === undefined && request.kind === 'http' ? { ...request, ...connection } : { kind: 'tcp' as const, ...connection };
    return { ...inside, tls: own };
  }
  const version = versionTo(target, request.version);
  const byDefault = version === 'HTTP/2' ? ['h2'] : ['http/1.1'];
  return {
    kind: 'http',
    ...connection,
    ...(tls && { tls: { sni: tls.sni, alpn: tls.alpn.length === 0 ? byDefault : tls.alpn } }),
    version,
    method: sent.method,
    authority: sent.authority,
    path: sent.path,
    headers: sent.headers,
    claims: request.claims,
    doubt: request.doubt,
  };
}

function entryAt(next: Proxy, { through, port }: Endpoint, before: Proxy): Entry {
  if (through !== undefined && next === before) return { listener: through };
  return next.sidecar ? 'inbound' : { port };
}

function versionTo({ destination }: Target, version: HttpVersion): HttpVersion {
  switch (destination?.limits.protocol) {
    case 'HTTP/2':
      return 'HTTP/2';
    case 'as the caller':
      return version;
    default:
      return 'HTTP/1.1';
  }
}

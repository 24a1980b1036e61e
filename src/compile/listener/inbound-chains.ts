// Which filter chains a port of a workload has, in Istio's order, for its mutual TLS mode and what it speaks (istio.md §3.4).

import type { MutualTlsMode } from '../../mesh/authentication.ts';
import type { FilterChainMatch } from './chain.ts';

/** What a chain is chosen by besides its port, and how it reads what comes. */
export interface ChainKind {
  readonly match: FilterChainMatch;
  readonly codec: 'http' | 'tcp';
  readonly mutualTls: boolean;
}

const httpNames = ['istio-http/1.0', 'istio-http/1.1', 'istio-h2'];
const tcpNames = ['istio-peer-exchange', 'istio'];

/** What the proxies of a mesh call the protocols inside their mutual TLS. */
export const meshProtocols: readonly string[] = [...tcpNames, ...httpNames];

const plainNames = ['http/1.1', 'h2c'];

function tls(codec: ChainKind['codec'], names: readonly string[] = []): ChainKind {
  return {
    match: { transportProtocol: 'tls', ...(names.length > 0 && { applicationProtocols: [...names] }) },
    codec,
    mutualTls: true,
  };
}

/** TLS that is the application's own: bytes, never opened. */
const opaqueTls: ChainKind = { match: { transportProtocol: 'tls' }, codec: 'tcp', mutualTls: false };

function plain(codec: ChainKind['codec'], names: readonly string[] = []): ChainKind {
  return {
    match: { transportProtocol: 'raw_buffer', ...(names.length > 0 && { applicationProtocols: [...names] }) },
    codec,
    mutualTls: false,
  };
}

export type ChainProtocol = 'http' | 'tcp' | 'auto';

/** A connection that none of them takes is reset: plain bytes under STRICT, an application's own TLS on a port declared HTTP. */
const kinds: Readonly<Record<MutualTlsMode, Readonly<Record<ChainProtocol, readonly ChainKind[]>>>> = {
  PERMISSIVE: {
    auto: [tls('http', httpNames), plain('http', plainNames), tls('tcp', tcpNames), plain('tcp'), opaqueTls],
    http: [tls('http', meshProtocols), plain('http')],
    tcp: [tls('tcp', meshProtocols), plain('tcp'), opaqueTls],
  },
  STRICT: {
    auto: [tls('http', httpNames), tls('tcp')],
    http: [tls('http')],
    tcp: [tls('tcp')],
  },
  // `raw_buffer` is also what bytes are called that nobody inspects, as on these ports: an application's TLS passes.
  DISABLE: {
    auto: [plain('http', plainNames), plain('tcp')],
    http: [plain('http')],
    tcp: [plain('tcp')],
  },
};

/** Where TLS of a Sidecar's own ends: plain bytes are reset. */
const ending: Readonly<Record<ChainProtocol, readonly ChainKind[]>> = {
  auto: [endedTls('http', ['h2', 'http/1.1']), endedTls('tcp')],
  http: [endedTls('http')],
  tcp: [endedTls('tcp')],
};

function endedTls(codec: ChainKind['codec'], names: readonly string[] = []): ChainKind {
  return { ...tls(codec, names), mutualTls: false };
}

export const endingKinds = (protocol: ChainProtocol): readonly ChainKind[] => ending[protocol];

export const chainKinds = (mode: MutualTlsMode, protocol: ChainProtocol): readonly ChainKind[] => kinds[mode][protocol];

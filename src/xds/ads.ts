// The ADS server: a gRPC handler for each protocol, and what all their streams share.

import { randomBytes } from 'node:crypto';
import type { GrpcCall, GrpcHandler, Peer } from '../lib/grpc/call.ts';
import { grpcStatus, type GrpcStatus } from '../lib/grpc/status.ts';
import type { Compiler, ProxyNode } from '../compile/configuration.ts';
import { tableHeader } from '../compile/demand/source.ts';
import { realClock, type Clock } from './clock.ts';
import type { Flushable, StreamContext, XdsLog } from './context.ts';
import { DistributionTable } from './distribution.ts';
import { noMetrics, type XdsMetrics } from './metrics.ts';
import { Nodes } from './node.ts';
import { Packer } from './pack.ts';
import { Peers } from './peers.ts';
import { Pulse } from './pulse.ts';
import { decodeDeltaRequest, decodeSotwRequest, type DiscoveryRequest } from './request.ts';
import type { Protocol } from './response.ts';
import { ProxyStream, type Purpose } from './stream.ts';
import type { View } from './view.ts';
import { Views } from './views.ts';
import { Watches } from './watch.ts';
import { Waves } from './wave.ts';

/** What is known of who asks, besides what it says of itself. */
export type CallInfo = Pick<GrpcCall, 'path' | 'metadata' | 'peer'> & { readonly peer: Peer };

/** A proxy may have the configuration of the node it claims to be (as `identity`, if it proved one), or is refused. */
export type Authorization = { readonly identity?: string } | { readonly refused: GrpcStatus };

export interface AdsLimits {
  /** Streams at one time, of which a proxy on demand has two, and one for each large table. Default 40,000. */
  readonly streams: number;
  /** Resource names subscribed to on one stream, over all types. Default 200,000. */
  readonly names: number;
  /** Clusters that one proxy is given on demand. Default 20,000. */
  readonly called: number;
}

export interface AdsOptions {
  readonly compiler: Compiler;
  /** Asked once per stream, before anything is compiled for it. A throw or rejection refuses with INTERNAL. */
  readonly authorize: (node: ProxyNode, call: CallInfo) => Authorization | Promise<Authorization>;
  /** Where streams show what they have. Default: a table of its own. */
  readonly distribution?: DistributionTable;
  readonly metrics?: XdsMetrics;
  readonly log?: XdsLog;
  readonly clock?: Clock;
  readonly limits?: Partial<AdsLimits>;
  /** How long listeners, routes and removals wait for the answer to what they depend on. Default 5,000 ms. */
  readonly patienceMs?: number;
}

/** Serves every stream of a process; the same object may be given to several gRPC servers. */
export interface Ads {
  /** For `serveGrpc`: both methods of the AggregatedDiscoveryService, clusters on demand, and virtual hosts. */
  readonly handlers: Readonly<Record<string, GrpcHandler>>;
  readonly distribution: DistributionTable;
  /** Distinct cells watched, views shared by streams, bytes of joined responses kept: for the debug API. */
  stats(): { readonly streams: number; readonly cells: number; readonly views: number; readonly packedBytes: number };
  /** Lets go of what is kept for proxies that may come back. Streams end with their gRPC servers. */
  [Symbol.dispose](): void;
}

const service = '/envoy.service.discovery.v3.AggregatedDiscoveryService';
export const deltaPath = `${service}/DeltaAggregatedResources`;
export const sotwPath = `${service}/StreamAggregatedResources`;
export const hostsPath = '/envoy.service.route.v3.VirtualHostDiscoveryService/DeltaVirtualHosts';
export const calledPath = '/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters';

const silent: XdsLog = { debug() {}, warn() {}, error() {} };

export function adsHandlers(options: AdsOptions): Ads {
  const { compiler, clock = realClock, log = silent, metrics = noMetrics, patienceMs = 5_000 } = options;
  const limits: AdsLimits = { streams: 40_000, names: 200_000, called: 20_000, ...options.limits };
  const distribution = options.distribution ?? new DistributionTable();
  const touchedViews = new Set<View>();
  const touchedStreams = new Set<Flushable>();
  const streams = new Set<ProxyStream>();
  const owners: StreamContext['owners'] = new WeakMap();
  const nodes = new Nodes();
  let calls = 0;
  let opened = 0;

  const pulse = new Pulse(clock, (changedAt) => {
    const due = new Set(touchedStreams);
    for (const stream of touchedStreams) attempt(stream, () => stream.reclassify());
    for (const view of touchedViews) {
      view.refresh();
      for (const member of view.members) {
        const stream = owners.get(member);
        if (stream && member.sent !== view.revision) due.add(stream);
      }
    }
    touchedStreams.clear();
    touchedViews.clear();
    for (const stream of due) attempt(stream, () => stream.flush(changedAt));
  });

  const watches = new Watches((error, what) =>
    log.error({ err: error, what }, 'this configuration cannot be computed; proxies keep what they have of it'),
  );
  const views = new Views({
    watches,
    clock,
    onTouch(view) {
      touchedViews.add(view);
      pulse.touch();
    },
  });
  const context: StreamContext = {
    compiler,
    clock,
    log,
    metrics,
    packer: new Packer(),
    views,
    watches,
    peers: new Peers(),
    waves: new Waves((seconds) => metrics.settled(seconds)),
    owners,
    nonceBase: randomBytes(3).toString('base64url'),
    patienceMs,
    mostNames: limits.names,
    mostCalled: limits.called,
    touchStream(stream) {
      touchedStreams.add(stream);
      pulse.touch();
    },
  };

  /** What fails for one stream must not reach the others that the same change concerns. */
  function attempt(stream: Flushable, work: () => void): void {
    try {
      work();
    } catch (error) {
      log.error({ err: error, node: stream.node.id }, 'a push failed');
    }
  }

  function serve(protocol: Protocol, call: GrpcCall, purpose: Purpose = 'ads'): ReturnType<GrpcHandler> {
    calls += 1;
    const named = call.metadata[tableHeader];
    const table = purpose === 'hosts' && typeof named === 'string' ? named : '';
    let stream: ProxyStream | undefined;
    let said: ProxyNode | undefined;
    let state: 'new' | 'asking' | 'open' | 'over' = calls > limits.streams ? 'over' : 'new';
    if (state === 'over') {
      metrics.refused('limit');
      call.end(grpcStatus('resourceExhausted', `this server holds ${limits.streams} streams already`));
    }
    const decode = protocol === 'delta' ? decodeDeltaRequest : decodeSotwRequest;
    const waiting: DiscoveryRequest[] = [];

    const refuse = (reason: 'identity' | 'malformed' | 'limit', status: GrpcStatus) => {
      state = 'over';
      waiting.length = 0;
      metrics.refused(reason);
      log.warn({ peer: call.peer.address, status }, 'a stream was refused');
      call.end(status);
    };
    const request = (asked: DiscoveryRequest) => {
      const status = stream?.request(asked);
      if (status) refuse('limit', status);
    };
    const admit = (node: ProxyNode, verdict: Authorization) => {
      if (state !== 'asking' || !call.open) return;
      if ('refused' in verdict) return refuse('identity', verdict.refused);
      opened += 1;
      stream = new ProxyStream(context, call, protocol, { purpose, table }, node, verdict.identity, opened);
      state = 'open';
      streams.add(stream);
      context.peers.add(stream);
      distribution.add(stream);
      metrics.streams(streams.size);
      for (const early of waiting.splice(0)) request(early);
      call.resume();
    };
    const first = (hello: DiscoveryRequest) => {
      if (!hello.node)
        return refuse('malformed', grpcStatus('invalidArgument', 'the first request of a stream must carry the node'));
      if (purpose === 'hosts' && table === '')
        return refuse(
          'malformed',
          grpcStatus('invalidArgument', `a stream for virtual hosts says in ${tableHeader} of which table`),
        );
      const node = nodes.take(hello.node);
      if ('problem' in node) return refuse('malformed', grpcStatus('invalidArgument', node.problem));
      said = node;
      state = 'asking';
      waiting.push(hello);
      const failed = (error: unknown) => {
        log.error({ err: error, node: node.id }, 'a proxy could not be admitted');
        if (call.open) refuse('identity', grpcStatus('internal', 'the server could not decide about this proxy'));
      };
      try {
        const verdict = options.authorize(node, call);
        if (!(verdict instanceof Promise)) return admit(node, verdict);
        call.pause();
        verdict.then((decided) => admit(node, decided)).catch(failed);
      } catch (error) {
        failed(error);
      }
    };

    return {
      message(bytes) {
        if (state === 'over') return;
        const asked = decode(bytes);
        if (!asked) return refuse('malformed', grpcStatus('invalidArgument', 'the request is no discovery request'));
        if (state === 'new') first(asked);
        else if (state === 'asking') waiting.push(asked);
        else request(asked);
      },
      end: () => call.end(),
      drain() {
        if (state === 'open') stream?.drain();
      },
      close() {
        calls -= 1;
        state = 'over';
        if (said) nodes.release(said);
        if (!stream) return;
        streams.delete(stream);
        context.peers.remove(stream);
        distribution.remove(stream);
        metrics.streams(streams.size);
        stream.close();
      },
    };
  }

  return {
    handlers: {
      [deltaPath]: (call) => serve('delta', call),
      [sotwPath]: (call) => serve('sotw', call),
      [calledPath]: (call) => serve('delta', call, 'called'),
      [hostsPath]: (call) => serve('delta', call, 'hosts'),
    },
    distribution,
    stats: () => ({ streams: streams.size, cells: watches.size, views: views.size, packedBytes: context.packer.held }),
    [Symbol.dispose]: () => views.close(),
  };
}

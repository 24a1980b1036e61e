// What xds/ counts, under Istio's names where Istio has one, so that its dashboards read Lateen too.

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ResourceType } from '../compile/resource.ts';

/** What the rest of this room reports; a plain object, so that a test or a bench can count its own way. */
export interface XdsMetrics {
  /** Streams open now. */
  streams(count: number): void;
  pushed(type: ResourceType, bytes: number): void;
  /** A proxy refused a response. */
  rejected(type: ResourceType): void;
  /** An answer to a response that is not waiting for one. */
  staleNonce(type: ResourceType): void;
  /** From a change to one proxy's answer to it, in seconds. */
  converged(seconds: number): void;
  /** From sending a response to its answer, in seconds. */
  answered(type: ResourceType, seconds: number): void;
  /** One change, from reaching this room to the last proxy's answer, in seconds. */
  settled(seconds: number): void;
  /** A stream was refused: by whom it claims to be, by limits, by bytes that mean nothing. */
  refused(reason: 'identity' | 'limit' | 'malformed'): void;
}

/** How dashboards name the types. */
export const shortType: Readonly<Record<ResourceType, string>> = {
  cluster: 'cds',
  endpoint: 'eds',
  listener: 'lds',
  route: 'rds',
  secret: 'sds',
  called: 'odcds',
  head: 'rds',
  host: 'vhds',
};

const seconds = [0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 3, 5, 10, 20, 30];

/** Metrics in a Prometheus registry. */
export function xdsMetrics(registry: Registry): XdsMetrics {
  const registers = [registry];
  const labelNames = ['type'] as const;
  const open = new Gauge({ name: 'pilot_xds', help: 'Streams of proxies open now', registers });
  const pushes = new Counter({ name: 'pilot_xds_pushes', help: 'Responses sent', labelNames, registers });
  const bytes = new Counter({ name: 'lateen_xds_push_bytes_total', help: 'Bytes of responses sent', labelNames, registers });
  const rejects = new Counter({ name: 'pilot_total_xds_rejects', help: 'Responses that proxies refused', labelNames, registers });
  const stale = new Counter({ name: 'pilot_xds_expired_nonce', help: 'Answers to no response in flight', labelNames, registers });
  const refusals = new Counter({
    name: 'lateen_xds_refused_streams_total',
    help: 'Streams that were not served',
    labelNames: ['reason'] as const,
    registers,
  });
  const convergence = new Histogram({
    name: 'pilot_proxy_convergence_time',
    help: "Seconds from a change to one proxy's answer",
    buckets: seconds,
    registers,
  });
  const answers = new Histogram({
    name: 'pilot_xds_push_time',
    help: 'Seconds from sending a response to its answer',
    labelNames,
    buckets: seconds,
    registers,
  });
  const changes = new Histogram({
    name: 'lateen_xds_change_time',
    help: "Seconds from a change to the last proxy's answer",
    buckets: seconds,
    registers,
  });
  return {
    streams: (count) => open.set(count),
    pushed(type, size) {
      pushes.inc({ type: shortType[type] });
      bytes.inc({ type: shortType[type] }, size);
    },
    rejected: (type) => rejects.inc({ type: shortType[type] }),
    staleNonce: (type) => stale.inc({ type: shortType[type] }),
    converged: (time) => convergence.observe(time),
    answered: (type, time) => answers.observe({ type: shortType[type] }, time),
    settled: (time) => changes.observe(time),
    refused: (reason) => refusals.inc({ reason }),
  };
}

/** Counts nothing. */
export const noMetrics: XdsMetrics = {
  streams() {},
  pushed() {},
  rejected() {},
  staleNonce() {},
  converged() {},
  answered() {},
  settled() {},
  refused() {},
};

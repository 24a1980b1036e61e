// How an endpoint is chosen: the algorithm, stickiness, locality and warm-up.

import type { Static } from 'typebox';
import { bool, choice, duration, integer, list, map, message, nonEmpty, number, text, uint32 } from '../schema.ts';

const failover = list(message({}, { from: text, to: text }));

export const LocalityLoadBalancerSetting = message(
  {},
  {
    enabled: bool,
    distribute: list(message({}, { from: text, to: map(uint32) })),
    failover,
    failoverPriority: list(text),
  },
);
export type LocalityLoadBalancerSetting = Static<typeof LocalityLoadBalancerSetting>;

export const ZoneAwareLoadBalancerSetting = message(
  {},
  { enabled: bool, failover, failoverPriority: list(text), minClusterSize: integer(1, 4_294_967_295) },
);
export type ZoneAwareLoadBalancerSetting = Static<typeof ZoneAwareLoadBalancerSetting>;

/** Unsigned 64-bit in the proto; sizes beyond 2⁵³ are not meant by anybody. */
const size = integer(0, Number.MAX_SAFE_INTEGER);

const HTTPCookie = message(
  { name: nonEmpty },
  { path: text, ttl: duration, attributes: list(message({ name: nonEmpty }, { value: text })) },
);

export const ConsistentHashLB = message(
  {},
  {
    httpHeaderName: text,
    httpCookie: HTTPCookie,
    useSourceIp: bool,
    httpQueryParameterName: text,
    ringHash: message({}, { minimumRingSize: size }),
    maglev: message({}, { tableSize: size }),
    minimumRingSize: size,
  },
);
export type ConsistentHashLB = Static<typeof ConsistentHashLB>;

const WarmupConfiguration = message({ duration }, { minimumPercent: number(0, 100), aggression: number(0, Number.MAX_VALUE) });

export const LoadBalancerSettings = message(
  {},
  {
    simple: choice('UNSPECIFIED', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST', 'LEAST_CONN'),
    consistentHash: ConsistentHashLB,
    localityLbSetting: LocalityLoadBalancerSetting,
    zoneAwareLbSetting: ZoneAwareLoadBalancerSetting,
    warmup: WarmupConfiguration,
    warmupDurationSecs: duration,
  },
);
export type LoadBalancerSettings = Static<typeof LoadBalancerSettings>;

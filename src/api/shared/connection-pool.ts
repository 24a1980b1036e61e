// Limits on the connections to an upstream, and when an endpoint of it is taken out for failing.

import type { Static } from 'typebox';
import { bool, choice, count, duration, int32, integer, list, message, text, uint32 } from '../schema.ts';

export const TcpKeepalive = message({}, { probes: uint32, time: duration, interval: duration });
export type TcpKeepalive = Static<typeof TcpKeepalive>;

const TCPSettings = message(
  {},
  {
    maxConnections: int32,
    connectTimeout: duration,
    tcpKeepalive: TcpKeepalive,
    maxConnectionDuration: duration,
    idleTimeout: duration,
  },
);

export const h2UpgradePolicy = choice('DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE');

const HTTPSettings = message(
  {},
  {
    http1MaxPendingRequests: int32,
    http2MaxRequests: int32,
    maxRequestsPerConnection: int32,
    maxRetries: int32,
    idleTimeout: duration,
    h2UpgradePolicy,
    useClientProtocol: bool,
    maxConcurrentStreams: int32,
    http2KeepAlive: message({}, { interval: duration, timeout: duration }),
  },
);

export const ConnectionPoolSettings = message({}, { tcp: TCPSettings, http: HTTPSettings });
export type ConnectionPoolSettings = Static<typeof ConnectionPoolSettings>;

export const OutlierDetection = message(
  {},
  {
    splitExternalLocalOriginErrors: bool,
    consecutiveLocalOriginFailures: uint32,
    consecutiveGatewayErrors: uint32,
    consecutive5xxErrors: uint32,
    consecutiveErrors: count,
    interval: duration,
    baseEjectionTime: duration,
    maxEjectionPercent: integer(0, 100),
    minHealthPercent: integer(0, 100),
    outlierDetectionHttpErrorCodes: list(text),
  },
);
export type OutlierDetection = Static<typeof OutlierDetection>;

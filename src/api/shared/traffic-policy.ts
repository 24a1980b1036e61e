// What a client does towards a host: balancing, pools, outliers, TLS; for the host, a subset, or one port.

import type { Static } from 'typebox';
import { choice, duration, list, message, nonEmpty, number, portNumber, uint32 } from '../schema.ts';
import { ConnectionPoolSettings, OutlierDetection } from './connection-pool.ts';
import { PortSelector } from './destination.ts';
import { LoadBalancerSettings } from './load-balancer.ts';
import { ClientTLSSettings } from './tls-settings.ts';

const settings = {
  loadBalancer: LoadBalancerSettings,
  connectionPool: ConnectionPoolSettings,
  outlierDetection: OutlierDetection,
  tls: ClientTLSSettings,
};

const PortTrafficPolicy = message({}, { port: PortSelector, ...settings });
export type PortTrafficPolicy = Static<typeof PortTrafficPolicy>;

const TunnelSettings = message({ targetHost: nonEmpty, targetPort: portNumber }, { protocol: choice('CONNECT', 'POST') });

export const TrafficPolicy = message(
  {},
  {
    ...settings,
    portLevelSettings: list(PortTrafficPolicy, { maxItems: 4096 }),
    tunnel: TunnelSettings,
    proxyProtocol: message({}, { version: choice('V1', 'V2') }),
    retryBudget: message({}, { percent: number(0, 100), minRetryConcurrency: uint32, budgetInterval: duration }),
  },
);
export type TrafficPolicy = Static<typeof TrafficPolicy>;

// Rules for traffic policies: of a host, a subset or a port.

import { error, warning } from '../finding.ts';
import type { Finding } from '../kind.ts';
import type { Path } from '../object.ts';
import type { ConnectionPoolSettings, OutlierDetection } from './connection-pool.ts';
import { checkLoadBalancer } from './load-balancer-checks.ts';
import { checkClientTls } from './tls-checks.ts';
import type { TrafficPolicy } from './traffic-policy.ts';
import { checkDuration, checkHost, each, repeated } from './values.ts';

export function checkTrafficPolicy(policy: TrafficPolicy | undefined, path: Path): Finding[] {
  if (policy === undefined) return [];
  if (Object.keys(policy).length === 0)
    return [error('LAT1201', path, 'the traffic policy is empty', 'give it a setting, or remove it')];
  const { tunnel, proxyProtocol, portLevelSettings = [], retryBudget } = policy;
  const findings = [
    ...checkSettings(policy, path),
    ...each(portLevelSettings, [...path, 'portLevelSettings'], (settings, place) => [
      ...(settings.port?.number === undefined
        ? [error('LAT1202', place, 'the settings are for no port', 'give port.number')]
        : []),
      ...checkSettings(settings, place),
    ]),
    ...checkDuration(retryBudget?.budgetInterval, [...path, 'retryBudget', 'budgetInterval']),
  ];
  for (const [index, { port }] of repeated(portLevelSettings, (settings) => settings.port?.number)) {
    const message = `port ${port?.number} has settings already`;
    findings.push(error('LAT1202', [...path, 'portLevelSettings', index], message, 'put them into one entry'));
  }
  if (tunnel !== undefined) findings.push(...checkHost(tunnel.targetHost, [...path, 'tunnel', 'targetHost']));
  if (tunnel !== undefined && proxyProtocol !== undefined) {
    findings.push(error('LAT1203', path, 'tunnel and proxyProtocol exclude each other', 'keep one of them'));
  }
  return findings;
}

type Settings = Pick<TrafficPolicy, 'loadBalancer' | 'connectionPool' | 'outlierDetection' | 'tls'>;

const checkSettings = ({ loadBalancer, connectionPool, outlierDetection, tls }: Settings, path: Path): Finding[] => [
  ...checkLoadBalancer(loadBalancer, outlierDetection !== undefined, [...path, 'loadBalancer']),
  ...checkConnectionPool(connectionPool, [...path, 'connectionPool']),
  ...checkOutlierDetection(outlierDetection, [...path, 'outlierDetection']),
  ...checkClientTls(tls, [...path, 'tls']),
];

export function checkConnectionPool(pool: ConnectionPoolSettings | undefined, path: Path): Finding[] {
  if (pool === undefined) return [];
  const { tcp, http } = pool;
  if (tcp === undefined && http === undefined) return [error('LAT1204', path, 'the pool has no setting', 'give tcp or http')];
  const findings: Finding[] = [];
  for (const [protocol, settings] of Object.entries({ tcp, http })) {
    for (const [field, value] of Object.entries(settings ?? {})) {
      if (typeof value === 'number' && value < 0) {
        findings.push(error('LAT1204', [...path, protocol, field], `${value} is below 0`, 'use 0 (no limit) or more'));
      }
    }
  }
  const tcpPath = [...path, 'tcp'];
  const httpPath = [...path, 'http'];
  findings.push(
    ...checkDuration(tcp?.connectTimeout, [...tcpPath, 'connectTimeout']),
    ...checkDuration(tcp?.maxConnectionDuration, [...tcpPath, 'maxConnectionDuration']),
    ...checkDuration(tcp?.tcpKeepalive?.time, [...tcpPath, 'tcpKeepalive', 'time']),
    ...checkDuration(tcp?.tcpKeepalive?.interval, [...tcpPath, 'tcpKeepalive', 'interval']),
  );
  if (http?.useClientProtocol === true && http.h2UpgradePolicy === 'UPGRADE') {
    findings.push(
      error('LAT1204', httpPath, 'useClientProtocol and h2UpgradePolicy UPGRADE exclude each other', 'keep one of them'),
    );
  }
  const keepAlive = http?.http2KeepAlive;
  if (keepAlive !== undefined) {
    const place = [...httpPath, 'http2KeepAlive'];
    if (keepAlive.interval === undefined || keepAlive.timeout === undefined) {
      findings.push(error('LAT1204', place, 'needs both interval and timeout', 'give both'));
    }
    findings.push(
      ...checkDuration(keepAlive.interval, [...place, 'interval']),
      ...checkDuration(keepAlive.timeout, [...place, 'timeout']),
    );
  }
  return findings;
}

function checkOutlierDetection(outlier: OutlierDetection | undefined, path: Path): Finding[] {
  if (outlier === undefined) return [];
  const findings = [
    ...checkDuration(outlier.interval, [...path, 'interval']),
    ...checkDuration(outlier.baseEjectionTime, [...path, 'baseEjectionTime']),
    ...each(outlier.outlierDetectionHttpErrorCodes, [...path, 'outlierDetectionHttpErrorCodes'], (code, place) =>
      /^[1-5][0-9]{2}(?:-[1-5][0-9]{2})?$/.test(code)
        ? []
        : [error('LAT1205', place, `${JSON.stringify(code)} is not a status code`, 'write 503, or a range such as 500-599')],
    ),
  ];
  if (outlier.consecutiveLocalOriginFailures !== undefined && outlier.splitExternalLocalOriginErrors !== true) {
    const message = 'local failures are only counted by themselves with splitExternalLocalOriginErrors';
    findings.push(
      error('LAT1205', [...path, 'consecutiveLocalOriginFailures'], message, 'set splitExternalLocalOriginErrors to true'),
    );
  }
  if (outlier.consecutiveErrors !== undefined) {
    const help = 'use consecutive5xxErrors or consecutiveGatewayErrors';
    findings.push(warning('LAT1206', [...path, 'consecutiveErrors'], 'is deprecated and has no effect', help));
  }
  return findings;
}

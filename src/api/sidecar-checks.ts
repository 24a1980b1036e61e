// Rules for Sidecars: listeners that do not collide, hosts that can be read, one catch-all at the end.

import { error, warning } from './finding.ts';
import type { Check, Finding } from './kind.ts';
import { isAddress, isDnsLabel, isWildcardHost } from './names.ts';
import type { Path } from './object.ts';
import { checkDestination } from './shared/destination-checks.ts';
import { isPortProtocol, protocolNames } from './shared/port-protocols.ts';
import { checkServerTls } from './shared/tls-checks.ts';
import { checkConnectionPool } from './shared/traffic-policy-checks.ts';
import { checkSelector, each, repeated } from './shared/values.ts';
import type { IstioEgressListener, IstioIngressListener, Sidecar } from './sidecar.ts';

export const sections: Check<Sidecar> = ({ spec }) => {
  const { workloadSelector, ingress = [], egress = [], outboundTrafficPolicy, inboundConnectionPool } = spec;
  const findings = checkSelector(
    workloadSelector?.labels,
    ['spec', 'workloadSelector', 'labels'],
    workloadSelector !== undefined,
  );
  if (ingress.length + egress.length === 0 && outboundTrafficPolicy === undefined && inboundConnectionPool === undefined) {
    findings.push(error('LAT1501', ['spec'], 'the Sidecar has no section', 'give it egress, ingress or outboundTrafficPolicy'));
  }
  if (ingress.length > 0 && workloadSelector === undefined) {
    const message = 'ingress without workloadSelector holds for every workload of the namespace';
    findings.push(warning('LAT1502', ['spec', 'ingress'], message, 'add workloadSelector'));
  }
  return [...findings, ...checkConnectionPool(inboundConnectionPool, ['spec', 'inboundConnectionPool'])];
};

export const ingress: Check<Sidecar> = ({ spec }) => {
  const path = ['spec', 'ingress'];
  const findings = each(spec.ingress, path, checkIngress);
  for (const [index, { port }] of repeated(spec.ingress, (listener) => listener.port.number)) {
    const message = `port ${port.number} is already taken by another ingress listener of this Sidecar`;
    findings.push(error('LAT1503', [...path, index, 'port', 'number'], message, 'give each ingress listener a port of its own'));
  }
  return findings;
};

function checkIngress(
  { port, bind = '', defaultEndpoint, tls, connectionPool, captureMode }: IstioIngressListener,
  path: Path,
): Finding[] {
  const findings: Finding[] = checkConnectionPool(connectionPool, [...path, 'connectionPool']);
  if (!port.number) findings.push(error('LAT1503', [...path, 'port'], 'the listener has no port', 'give port.number'));
  findings.push(...checkProtocol(port.protocol, [...path, 'port', 'protocol']));
  if (bind !== '' && !isAddress(bind)) {
    findings.push(error('LAT1504', [...path, 'bind'], `${JSON.stringify(bind)} is not an address`, 'write an IP address'));
  }
  if (defaultEndpoint && !isEndpoint(defaultEndpoint)) {
    const help = 'write 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT or unix:///PATH';
    findings.push(
      error('LAT1505', [...path, 'defaultEndpoint'], `${JSON.stringify(defaultEndpoint)} is not a place of the workload`, help),
    );
  }
  if (tls !== undefined) {
    const place = [...path, 'tls'];
    if (tls.httpsRedirect === true)
      findings.push(error('LAT1506', [...place, 'httpsRedirect'], 'a Sidecar cannot redirect', 'remove it'));
    if (tls.mode !== 'SIMPLE' && tls.mode !== 'MUTUAL') {
      findings.push(error('LAT1506', [...place, 'mode'], 'ingress TLS is SIMPLE or MUTUAL', 'set mode to one of them'));
    }
    if (captureMode === 'NONE')
      findings.push(error('LAT1506', place, 'TLS needs captured traffic', 'set captureMode to DEFAULT'));
    findings.push(...checkServerTls(tls, place));
  }
  return findings;
}

function isEndpoint(text: string): boolean {
  if (text.startsWith('unix:')) return /^unix:(?:\/\/)?[/@]./.test(text);
  const port = /^(?:127\.0\.0\.1|0\.0\.0\.0|\[::1\]|\[::\]):([0-9]{1,5})$/.exec(text)?.[1];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}

export const egress: Check<Sidecar> = ({ spec }) => {
  const path = ['spec', 'egress'];
  const listeners = spec.egress ?? [];
  const findings = each(listeners, path, checkEgress);
  for (const [index, { port, bind = '' }] of listeners.entries()) {
    const isCatchAll = port === undefined && bind === '';
    if (isCatchAll && index < listeners.length - 1) {
      findings.push(
        error('LAT1507', [...path, index], 'the listener without a port takes all that the next would get', 'put it last, once'),
      );
    }
  }
  const place = ({ port, bind = '' }: IstioEgressListener): string | undefined =>
    port === undefined ? undefined : `${bind}:${port.number}`;
  for (const [index] of repeated(listeners, place)) {
    findings.push(
      error('LAT1507', [...path, index, 'port'], 'another egress listener has this port and bind', 'put their hosts together'),
    );
  }
  const { egressProxy, mode } = spec.outboundTrafficPolicy ?? {};
  const policy = ['spec', 'outboundTrafficPolicy'];
  if (egressProxy !== undefined) {
    findings.push(...checkDestination(egressProxy, [...policy, 'egressProxy']));
    if (mode !== 'ALLOW_ANY')
      findings.push(error('LAT1508', [...policy, 'egressProxy'], 'egressProxy needs mode ALLOW_ANY', 'set mode to ALLOW_ANY'));
  }
  if (mode === 'ALLOW_ANY_DYNAMIC_DNS') {
    findings.push(error('LAT1508', [...policy, 'mode'], 'this mode is for the whole mesh only', 'set it in MeshConfig'));
  }
  return findings;
};

function checkEgress({ port, bind = '', captureMode, hosts }: IstioEgressListener, path: Path): Finding[] {
  const findings = each(hosts, [...path, 'hosts'], checkEgressHost);
  if (hosts.length === 0)
    findings.push(error('LAT1509', [...path, 'hosts'], 'the listener has no hosts', 'write */* for all, ~/* for none'));
  if (bind.startsWith('unix:')) {
    if (port?.number) findings.push(error('LAT1504', [...path, 'port'], 'a Unix socket has no port', 'write 0'));
    if (captureMode === 'IPTABLES')
      findings.push(
        error('LAT1504', [...path, 'captureMode'], 'traffic to a Unix socket is not captured', 'set it to DEFAULT or NONE'),
      );
  } else {
    if (bind !== '' && !isAddress(bind))
      findings.push(
        error('LAT1504', [...path, 'bind'], `${JSON.stringify(bind)} is not an address`, 'write an IP address or unix:///path'),
      );
    if (bind !== '' && port === undefined) findings.push(error('LAT1504', path, 'bind needs a port', 'give port'));
    if (port !== undefined && !port.number)
      findings.push(error('LAT1504', [...path, 'port'], 'the port has no number', 'give port.number'));
    if (captureMode === 'NONE' && port === undefined)
      findings.push(error('LAT1504', path, 'captureMode NONE needs a port to listen on', 'give port'));
  }
  return [...findings, ...checkProtocol(port?.protocol, [...path, 'port', 'protocol'])];
}

const checkProtocol = (protocol: string | undefined, path: Path): Finding[] =>
  isPortProtocol(protocol)
    ? []
    : [error('LAT1504', path, `${JSON.stringify(protocol)} is not a protocol`, `use one of ${protocolNames}`)];

/** `namespace/host`, where the namespace may be `.`, `*` or `~`, or excluded as in `~namespace/host`. */
function checkEgressHost(text: string, path: Path): Finding[] {
  const [namespace = '', host = '', ...more] = text.split('/');
  const named = namespace.startsWith('~') && namespace.length > 1 ? namespace.slice(1) : namespace;
  const valid =
    more.length === 0 && (['.', '*', '~'].includes(named) || isDnsLabel(named)) && (isWildcardHost(host) || isAddress(host));
  return valid
    ? []
    : [error('LAT1509', path, `${JSON.stringify(text)} is not namespace/host`, 'write namespace/host, ./host or */host')];
}

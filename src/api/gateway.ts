// Gateway: the ports and hosts that gateway workloads open (networking.istio.io). Read by mesh/gateway.

import type { Static } from 'typebox';
import { error } from './finding.ts';
import { defineKind, type Check, type Finding } from './kind.ts';
import { isDnsLabel, isWildcardHost, isAddress } from './names.ts';
import type { Path } from './object.ts';
import { integer, list, message, nonEmpty, text, textMap } from './schema.ts';
import { documentOf, istioNetworking } from './shared/document.ts';
import { checkServerTls } from './shared/tls-checks.ts';
import { ServerTLSSettings } from './shared/tls-settings.ts';
import { checkLabels, each, repeated } from './shared/values.ts';

export type { ServerTLSSettings } from './shared/tls-settings.ts';

/** Port 0 is for Unix sockets. */
const ServerPort = message(
  { number: integer(0, 65_535), protocol: nonEmpty, name: nonEmpty },
  { targetPort: integer(0, 65_535) },
);
export type ServerPort = Static<typeof ServerPort>;

const Server = message(
  { port: ServerPort, hosts: list(text, { minItems: 1 }) },
  { bind: text, tls: ServerTLSSettings, defaultEndpoint: text, name: text },
);
export type Server = Static<typeof Server>;

const Spec = message({ servers: list(Server, { minItems: 1 }) }, { selector: textMap });

const schema = documentOf(Spec);
export type Gateway = Static<typeof schema>;

const servers: Check<Gateway> = ({ spec }) => {
  const path = ['spec', 'servers'];
  const findings: Finding[] = each(spec.servers, path, (server, place) => [
    ...checkPort(server, place),
    ...each(server.hosts, [...place, 'hosts'], checkServerHost),
    ...checkTls(server, place),
  ]);
  for (const [index, { port }] of repeated(spec.servers, (server) => server.port.name)) {
    const message = `another server's port is named ${port.name}`;
    findings.push(error('LAT1301', [...path, index, 'port', 'name'], message, 'give each server its own port name'));
  }
  return [...findings, ...checkLabels(spec.selector, ['spec', 'selector'])];
};

const protocols = ['HTTP', 'HTTPS', 'GRPC', 'GRPC-WEB', 'HTTP2', 'HTTP3', 'MONGO', 'TCP', 'TLS'];

function checkPort({ port, bind = '' }: Server, path: Path): Finding[] {
  const findings: Finding[] = [];
  if (!protocols.includes(port.protocol.toUpperCase())) {
    const place = [...path, 'port', 'protocol'];
    findings.push(
      error('LAT1302', place, `${JSON.stringify(port.protocol)} is not a protocol`, `use one of ${protocols.join(', ')}`),
    );
  }
  if (bind.startsWith('unix:')) {
    if (port.number !== 0) findings.push(error('LAT1303', [...path, 'port', 'number'], 'a Unix socket has no port', 'write 0'));
  } else {
    if (bind !== '' && !isAddress(bind)) {
      findings.push(
        error('LAT1303', [...path, 'bind'], `${JSON.stringify(bind)} is not an address`, 'write an IP address or unix:///path'),
      );
    }
    if (port.number === 0) findings.push(error('LAT1303', [...path, 'port', 'number'], '0 is not a port', 'use 1 to 65535'));
  }
  return findings;
}

/** `host`, `namespace/host`, `./host` or `*\/host`. */
function checkServerHost(host: string, path: Path): Finding[] {
  const parts = host.split('/');
  const name = parts.at(-1) ?? '';
  const [namespace] = parts.length === 2 ? parts : ['.'];
  const valid = parts.length <= 2 && (namespace === '.' || namespace === '*' || isDnsLabel(namespace ?? ''));
  if (valid && (isWildcardHost(name) || isAddress(name))) return [];
  return [
    error(
      'LAT1020',
      path,
      `${JSON.stringify(host)} is not a host`,
      'write host or namespace/host; a wildcard may stand at the start',
    ),
  ];
}

function checkTls({ port, tls }: Server, path: Path): Finding[] {
  const protocol = port.protocol.toUpperCase();
  const needsTls = protocol === 'HTTPS' || protocol === 'TLS' || protocol === 'HTTP3';
  const place = [...path, 'tls'];
  if (tls === undefined) {
    return needsTls ? [error('LAT1304', place, `a server for ${protocol} needs tls`, 'give tls with a mode')] : [];
  }
  const { httpsRedirect, ...settings } = tls;
  const redirects = httpsRedirect === true && protocol !== 'TCP' && protocol !== 'MONGO';
  if (needsTls) {
    if (httpsRedirect === true) {
      return [
        error(
          'LAT1304',
          [...place, 'httpsRedirect'],
          `${protocol} cannot be redirected to HTTPS`,
          'set it on the server for HTTP',
        ),
      ];
    }
    return checkServerTls(tls, place);
  }
  if (redirects || (httpsRedirect !== true && Object.keys(settings).length === 0)) return [];
  return [error('LAT1304', place, `a server for ${protocol} ends no TLS`, 'use the protocol HTTPS or TLS, or remove tls')];
}

export const gateway = defineKind({
  ...istioNetworking,
  kind: 'Gateway',
  plural: 'gateways',
  shortNames: ['gw'],
  schema,
  checks: [servers],
  columns: [
    { name: 'Selector', path: ['spec', 'selector'] },
    { name: 'Hosts', value: ({ body }) => hostsOf(body) },
  ],
  inEffect: true,
});

function hostsOf(body: unknown): string {
  const { spec } = body as Gateway;
  return [...new Set(spec.servers.flatMap(({ hosts }) => hosts))].join(',');
}

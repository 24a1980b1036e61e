// What a service port speaks: from appProtocol, else the port's name, else a well-known number, else it is to be detected.

/** `Auto` is detected per connection; `UDP` is ignored by proxies. */
export type Protocol =
  | 'HTTP'
  | 'HTTP2'
  | 'GRPC'
  | 'GRPC-Web'
  | 'HTTPS'
  | 'TLS'
  | 'TCP'
  | 'Mongo'
  | 'MySQL'
  | 'Redis'
  | 'UDP'
  | 'Auto';

const named: Readonly<Record<string, Protocol>> = {
  http: 'HTTP',
  http2: 'HTTP2',
  http3: 'UDP',
  grpc: 'GRPC',
  'grpc-web': 'GRPC-Web',
  https: 'HTTPS',
  tls: 'TLS',
  tcp: 'TCP',
  mongo: 'Mongo',
  mysql: 'MySQL',
  redis: 'Redis',
  udp: 'UDP',
};

const appProtocols: Readonly<Record<string, Protocol>> = {
  'kubernetes.io/h2c': 'HTTP2',
  'kubernetes.io/ws': 'HTTP',
  'kubernetes.io/wss': 'HTTPS',
};

/**
 * Ports whose servers speak first or whose protocol cannot be detected: Istio's (SMTP, DNS, MySQL, MongoDB), and those of FTP, SSH, Telnet,
 * POP3, IMAP, mail submission and MySQL's X protocol, which would wait for their clients for ever.
 */
const serverFirst = new Set([21, 22, 23, 25, 53, 110, 143, 587, 3306, 27017, 33060]);

/** Whether the server of a well-known port speaks before its client does. */
export const speaksFirst = (number: number): boolean => serverFirst.has(number);

/** What speaks at a port of which nothing is declared. */
export const undeclaredProtocol = (number: number): Protocol => (serverFirst.has(number) ? 'TCP' : 'Auto');

/** A protocol by its name in Istio's `port.protocol` or a Gateway server (any case). */
export const protocolNamed = (name: string | undefined): Protocol | undefined => named[name?.toLowerCase() ?? ''];

/** The protocol of a Kubernetes service port. */
export function servicePortProtocol(port: {
  readonly port: number;
  readonly protocol?: string | undefined;
  readonly name?: string | undefined;
  readonly appProtocol?: string | undefined;
}): Protocol {
  if (port.protocol === 'UDP') return 'UDP';
  if (port.appProtocol !== undefined) {
    const declared = appProtocols[port.appProtocol.toLowerCase()] ?? protocolNamed(port.appProtocol);
    if (declared !== undefined) return declared;
  }
  const name = port.name?.toLowerCase() ?? '';
  const byName = protocolNamed(name.startsWith('grpc-web') ? 'grpc-web' : (name.split('-')[0] ?? ''));
  if (byName !== undefined) return byName;
  return undeclaredProtocol(port.port);
}

export const isHttp = (protocol: Protocol): boolean =>
  protocol === 'HTTP' || protocol === 'HTTP2' || protocol === 'GRPC' || protocol === 'GRPC-Web';

/** HTTP/2 to the server without negotiation. */
export const isHttp2 = (protocol: Protocol): boolean => protocol === 'HTTP2' || protocol === 'GRPC' || protocol === 'GRPC-Web';

export const isGrpc = (protocol: Protocol): boolean => protocol === 'GRPC' || protocol === 'GRPC-Web';

/** Carried as TLS that the application began itself. */
export const isTls = (protocol: Protocol): boolean => protocol === 'HTTPS' || protocol === 'TLS';

/** Routed by HTTP rules, at least when detection says so. */
export const isHttpOrAuto = (protocol: Protocol): boolean => isHttp(protocol) || protocol === 'Auto';

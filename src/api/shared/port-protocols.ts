// The protocols that ports of ServiceEntries and Sidecars may name, and what their streams carry.

const names = ['HTTP', 'HTTPS', 'GRPC', 'GRPC-WEB', 'HTTP2', 'MONGO', 'TCP', 'TLS', 'UDP', 'MYSQL', 'REDIS'];

/** Undefined or empty: detected. */
export const isPortProtocol = (name: string | undefined): boolean => !name || names.includes(name.toUpperCase());

export const protocolNames = names.join(', ');

/** Each request or connection names its host, so several hosts can share a port without an address. */
export const namesItsHost = (name: string | undefined): boolean =>
  ['HTTP', 'HTTPS', 'GRPC', 'GRPC-WEB', 'HTTP2', 'TLS'].includes((name ?? '').toUpperCase());

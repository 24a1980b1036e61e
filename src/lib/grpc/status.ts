// How a gRPC call ends: the status codes, and how a status travels in HTTP/2 trailers. Shared by server and client.

import type { IncomingHttpHeaders } from 'node:http2';

/** The codes of the gRPC specification that Lateen sends or reads by name. */
export const statusCode = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

export interface GrpcStatus {
  readonly code: number;
  /** For people; travels percent-encoded. Must not hold secrets: the peer reads it. */
  readonly message: string;
}

export const okStatus: GrpcStatus = { code: statusCode.ok, message: '' };

export const grpcStatus = (code: keyof typeof statusCode, message = ''): GrpcStatus => ({ code: statusCode[code], message });

/** A call that ended with a status other than OK. Handlers may throw it to end a unary call with that status. */
export class GrpcError extends Error {
  readonly status: GrpcStatus;

  constructor(status: GrpcStatus, options?: ErrorOptions) {
    super(`grpc status ${status.code}${status.message && `: ${status.message}`}`, options);
    this.name = 'GrpcError';
    this.status = status;
  }
}

/** Messages longer than this are cut: trailers share the peer's header budget. */
const longestMessage = 2048;

/** `grpc-message` encoding: printable ASCII but `%` stays, every other UTF-8 byte becomes `%XX`. */
export function encodeMessage(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text.slice(0, longestMessage).toWellFormed())) {
    if (byte >= 0x20 && byte <= 0x7e && byte !== 0x25) encoded += String.fromCharCode(byte);
    else encoded += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/** The reverse; what is not valid encoding stays as it came, as the specification asks. */
export function decodeMessage(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

export const trailersOf = (status: GrpcStatus): Record<string, string> => ({
  'grpc-status': String(status.code),
  ...(status.message !== '' && { 'grpc-message': encodeMessage(status.message) }),
});

/** The status that trailers (or the headers of a response without body) carry; undefined when they carry none. */
export function statusOf(headers: IncomingHttpHeaders): GrpcStatus | undefined {
  const code = headers['grpc-status'];
  if (typeof code !== 'string' || !/^\d{1,3}$/.test(code)) return undefined;
  const message = headers['grpc-message'];
  return { code: Number(code), message: typeof message === 'string' ? decodeMessage(message) : '' };
}

/** What an HTTP status means when the answer did not come from a gRPC server (the specification's table). */
export function statusOfHttp(status: number): GrpcStatus {
  const codes: Record<number, keyof typeof statusCode> = {
    400: 'internal',
    401: 'unauthenticated',
    403: 'permissionDenied',
    404: 'unimplemented',
    429: 'unavailable',
    502: 'unavailable',
    503: 'unavailable',
    504: 'unavailable',
  };
  return grpcStatus(codes[status] ?? 'unknown', `HTTP status ${status}`);
}

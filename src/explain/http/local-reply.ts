// An answer that the proxy gives itself, as its caller gets it: rewritten where the connection manager says so, and to gRPC always 200,
// with gRPC's own status in headers.

import type { HttpConnectionManager } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { Answered, Outcome } from '../explanation.ts';
import { isGrpc, methodOf, type Headers } from '../headers.ts';
import { note, type Passage } from '../passage.ts';
import { mappedReply } from './reply-mapping.ts';

/** gRPC's status for an HTTP one; any other is UNKNOWN. */
const grpcStatuses: Readonly<Record<number, number>> = { 400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14 };
const unknown = 2;

/** Answered by a filter as a browser wants it, not as an error; or refused before anybody looks at what kind of request it is. */
const plain = new Set(['cors_response', 'low_version']);

/** The outcome as the caller of `headers` sees it. */
export function repliedTo(
  { localReplyConfig }: HttpConnectionManager,
  headers: Headers,
  outcome: Outcome,
  passage: Passage,
): Outcome {
  const grpc = isGrpc(headers);
  const replied = (answered: Answered): Answered => {
    const { flags, because } = answered;
    const flagged = passage.delayed ? { ...answered, flags: flags === '' ? 'DI' : `DI,${flags}` } : answered;
    if (plain.has(because)) return flagged;
    const all = mappedReply(localReplyConfig, flagged, headers, passage);
    return grpc ? asGrpc(all, methodOf(headers) === 'HEAD') : all;
  };
  const given = withAnswers(outcome, replied);
  const [, status] = (given.kind === 'answered' ? given.headers : []).find(([name]) => name === 'grpc-status') ?? [];
  if (status !== undefined)
    note(passage, {
      kind: 'response',
      name: 'gRPC',
      text: `a caller of gRPC gets it as status 200 with grpc-status ${status}`,
    });
  return given;
}

/** An outcome in which every answer that the proxy gives itself is another. */
function withAnswers(outcome: Outcome, other: (answered: Answered) => Answered): Outcome {
  switch (outcome.kind) {
    case 'answered':
      return other(outcome);
    case 'forwarded':
      return {
        ...outcome,
        targets: outcome.targets.map(({ failure, ...target }) => ({
          ...target,
          ...(failure !== undefined && { failure: failure.kind === 'answered' ? other(failure) : failure }),
        })),
      };
    default:
      return outcome;
  }
}

function asGrpc({ status, body, headers, ...rest }: Answered, bodiless: boolean): Answered {
  const given = headers.some(([name]) => name === 'grpc-status');
  return {
    ...rest,
    status: 200,
    body: '',
    headers: [
      ...headers,
      ...(given ? [] : [['grpc-status', String(grpcStatuses[status] ?? unknown)] as const]),
      ...(body === '' || bodiless ? [] : [['grpc-message', encodeMessage(body.trimEnd())] as const]),
    ],
  };
}

/** gRPC's percent-encoding: printable ASCII but `%` stays as it is. */
const encodeMessage = (text: string): string =>
  [...new TextEncoder().encode(text)]
    .map((byte) =>
      byte >= 0x20 && byte < 0x7f && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');

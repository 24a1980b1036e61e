// A handler for calls of one request and one answer, from a plain async function.

import type { GrpcCall, GrpcHandler } from './call.ts';
import { GrpcError, grpcStatus } from './status.ts';

/**
 * A unary method. `answer` gets the request's bytes and returns the response's; a `GrpcError` that it throws becomes the
 * call's status, any other error INTERNAL without its text, which goes to `onError`.
 */
export function unary(
  answer: (request: Buffer, call: GrpcCall) => Uint8Array | Promise<Uint8Array>,
  onError: (error: unknown) => void = () => {},
): GrpcHandler {
  return (call) => {
    let request: Buffer | undefined;
    const reply = async (message: Buffer) => {
      try {
        call.send([await answer(message, call)]);
        call.end();
      } catch (error) {
        if (!(error instanceof GrpcError)) onError(error);
        call.end(error instanceof GrpcError ? error.status : grpcStatus('internal', 'the server failed on this call'));
      }
    };
    return {
      message(message) {
        if (request) call.end(grpcStatus('internal', 'more than one message in a unary call'));
        request ??= message;
      },
      end() {
        if (request) void reply(request);
        else call.end(grpcStatus('internal', 'no message in a unary call'));
      },
    };
  };
}

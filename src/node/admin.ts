// Asks an Envoy's admin interface over its Unix socket. Used to watch and drain proxies, and by `lateen proxy`.

import { request } from 'node:http';
import { NodeError } from './node-error.ts';

export interface AdminAnswer {
  readonly status: number;
  readonly body: string;
}

export interface AdminLimits {
  /** Bytes of body over which the answer is refused; default 64 MiB (a config dump of thousands of clusters is 20 to 30). */
  readonly maxBytes?: number;
  /** Milliseconds until the whole answer is there; default 10,000. */
  readonly timeout?: number;
}

/** One request; `path` begins with `/` and may have a query. Rejects with NodeError when no whole answer comes. */
export async function adminRequest(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  { maxBytes = 64 * 1024 * 1024, timeout = 10_000 }: AdminLimits = {},
): Promise<AdminAnswer> {
  const signal = AbortSignal.timeout(timeout);
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) =>
      reject(
        new NodeError(
          'LAT0803',
          `Envoy's admin interface at ${socketPath} did not answer ${path}: ${cause.message}`,
          'is the proxy running?',
          {
            cause,
          },
        ),
      );
    // One connection each: a kept one would count as active while the proxy drains.
    const call = request(
      { socketPath, method, path, agent: false, signal, headers: { host: 'admin', connection: 'close' } },
      (answer) => {
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxBytes) answer.destroy(new Error(`the answer is over ${maxBytes} bytes`));
          else chunks.push(chunk);
        });
        answer.on('error', fail);
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }));
      },
    );
    call.on('error', fail);
    call.end();
  });
}

// Short requests of a soak: HTTP/1 by an agent, HTTP/2 over one connection for as long as the proxy keeps it.

import type { request as httpRequest, RequestOptions } from 'node:http';
import { connect, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';

/** No answer takes longer, on whatever machine. */
export const longestMs = 10_000;

/** The body of an answer of 200. */
export function asked<Options extends RequestOptions>(
  request: (options: Options) => ReturnType<typeof httpRequest>,
  options: Options,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(options);
    sent.setTimeout(longestMs, () => sent.destroy(new Error('no answer')));
    sent.on('error', reject);
    sent.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('error', reject);
      response.on('end', () =>
        response.statusCode === 200 ? resolve(body) : reject(new Error(`${response.statusCode} ${body}`)),
      );
    });
    sent.end();
  });
}

/** HTTP/2 over one connection, and another when the proxy says that it wants no more streams on it. */
export class Sessions implements Disposable {
  readonly #origin: string;
  readonly #authority: string;
  #session: ClientHttp2Session | undefined;

  constructor(host: string, port: number, authority: string) {
    this.#origin = `http://${host}:${port}`;
    this.#authority = authority;
  }

  /** A stream that was begun; it has no time limit. */
  open(path: string, headers: OutgoingHttpHeaders = {}): ClientHttp2Stream {
    if (this.#session === undefined) {
      const session = connect(this.#origin);
      const forget = () => {
        if (this.#session === session) this.#session = undefined;
      };
      session.on('goaway', forget).on('close', forget).on('error', forget);
      session.unref();
      this.#session = session;
    }
    return this.#session.request({ ':path': path, ':authority': this.#authority, ...headers });
  }

  ask(path: string): Promise<string> {
    const stream = this.open(path);
    return new Promise((resolve, reject) => {
      let status: unknown;
      let body = '';
      stream.setTimeout(longestMs, () => stream.destroy(new Error('no answer')));
      stream.setEncoding('utf8').on('response', (headers) => (status = headers[':status']));
      stream.on('data', (text: string) => (body += text));
      stream.on('error', reject);
      stream.on('end', () => (status === 200 ? resolve(body) : reject(new Error(`${String(status)} ${body}`))));
      stream.on('close', () => reject(new Error('the stream was closed without an answer')));
      stream.end();
    });
  }

  [Symbol.dispose](): void {
    this.#session?.destroy();
  }
}

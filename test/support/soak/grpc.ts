// gRPC as its clients and servers speak it: framed messages, a status in trailers. One message, several, or a talk that goes on.

import type { ClientHttp2Stream, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { longestMs, type Sessions } from './http.ts';
import { movedLine } from './line.ts';

export const methods = { once: '/soak.Echo/Once', many: '/soak.Echo/Many', talk: '/soak.Echo/Talk' } as const;
/** So many messages answer one call of `many`. */
const several = 5;

function frame(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** Messages out of bytes as they come. */
function messages(take: (text: string) => void): (bytes: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const length = rest.readUInt32BE(1);
      take(rest.subarray(5, 5 + length).toString());
      rest = rest.subarray(5 + length);
    }
  };
}

/** The server's side of one stream; answers a function that asks the caller to come again on another. */
export function serveGrpc(stream: ServerHttp2Stream, path: string): () => void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  const times = path === methods.many ? several : 1;
  const take = messages((text) => {
    for (let time = 0; time < times; time++) stream.write(frame(text));
  });
  stream.on('data', take);
  stream.on('end', () => stream.end());
  return () => void stream.write(frame(movedLine));
}

/** One call from its first message to its status. */
export class GrpcCall {
  moved = false;
  readonly #stream: ClientHttp2Stream;
  readonly #received: string[] = [];
  #status: unknown;
  #trailers: IncomingHttpHeaders | undefined;
  #ended: string | undefined;
  #heard: () => void = () => {};

  constructor(sessions: Sessions, path: string) {
    const headers = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };
    this.#stream = sessions.open(path, headers);
    this.#stream.on('response', (head) => {
      this.#status = head[':status'];
      // An answer without messages has its status in its only headers.
      if (head['grpc-status'] !== undefined) this.#trailers = head;
    });
    this.#stream.on('trailers', (trailers) => (this.#trailers = trailers));
    this.#stream.on(
      'data',
      messages((text) => {
        if (text === movedLine) this.moved = true;
        else this.#received.push(text);
        this.#heard();
      }),
    );
    this.#stream.on('error', ({ message }) => this.#end(message));
    this.#stream.on('close', () => this.#end('the stream was closed'));
  }

  async echo(text: string, times = 1): Promise<void> {
    this.#stream.write(frame(text));
    for (let time = 0; time < times; time++) {
      await this.#until(() => this.#received.length > 0, `message ${time + 1} of ${times}`);
      const back = this.#received.shift();
      if (back !== text) throw new Error(`${JSON.stringify(back)} came back for ${text}`);
    }
  }

  /** Says that there is no more, and expects the status of success. */
  async finish(): Promise<void> {
    this.#stream.end();
    await this.#until(() => this.#trailers !== undefined, 'the trailers');
    if (this.#trailers?.['grpc-status'] !== '0') throw new Error(this.#state());
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    const late = setTimeout(() => this.#end(`no answer: ${what}`), longestMs);
    try {
      while (!done()) {
        if (this.#ended !== undefined) throw new Error(`${this.#ended}; ${this.#state()}`);
        await new Promise<void>((resolve) => (this.#heard = resolve));
      }
    } finally {
      clearTimeout(late);
    }
  }

  #state(): string {
    const { 'grpc-status': code = 'none', 'grpc-message': message = '' } = this.#trailers ?? {};
    return `HTTP ${String(this.#status)}, gRPC status ${String(code)} ${String(message)}`;
  }

  #end(why: string): void {
    this.#ended ??= why;
    this.#heard();
  }
}

export async function callOnce(sessions: Sessions, text: string): Promise<void> {
  const call = new GrpcCall(sessions, methods.once);
  await call.echo(text);
  await call.finish();
}

export async function callMany(sessions: Sessions, text: string): Promise<void> {
  const call = new GrpcCall(sessions, methods.many);
  await call.echo(text, several);
  await call.finish();
}

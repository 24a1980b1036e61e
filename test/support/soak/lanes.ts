// Steady traffic of every kind through one proxy: short requests over HTTP/1, HTTPS and HTTP/2, and echoes on connections that stay.

import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What one kind of traffic came to. */
export interface Lane {
  sent: number;
  /** The first twenty, each in a line. */
  readonly failures: string[];
}

export interface Ports {
  readonly http: number;
  readonly https: number;
  readonly tcp: number;
}

const everyMs = 5;
/** No answer takes longer, on whatever machine. */
const longestMs = 10_000;

export class Traffic {
  readonly lanes: Readonly<Record<'http' | 'https' | 'h2' | 'tcp' | 'echo' | 'websocket', Lane>>;
  readonly #running: Promise<void>[];
  #over = false;

  constructor(ports: Ports) {
    const lane = (): Lane => ({ sent: 0, failures: [] });
    this.lanes = { http: lane(), https: lane(), h2: lane(), tcp: lane(), echo: lane(), websocket: lane() };
    const plain = {
      port: ports.http,
      host: '127.0.0.1',
      headers: { host: 'http.example' },
      agent: new HttpAgent({ keepAlive: true }),
    };
    const secured = {
      port: ports.https,
      host: '127.0.0.1',
      headers: { host: 'http.example' },
      servername: 'http.example',
      rejectUnauthorized: false,
      // A handshake each, so that new certificates are met.
      agent: new HttpsAgent({ keepAlive: false }),
    };
    const h2 = new Sessions(ports.http);
    this.#running = [
      this.#run(this.lanes.http, () => asked(httpRequest, plain)),
      this.#run(this.lanes.https, () => asked(httpsRequest, secured)),
      this.#run(this.lanes.h2, () => h2.ask()),
      this.#run(this.lanes.tcp, async () => {
        using line = await Line.open(ports.tcp);
        await line.echo('once');
      }),
      this.#stay(this.lanes.echo, () => Line.open(ports.tcp)),
      this.#stay(this.lanes.websocket, () => Line.upgraded(ports.http)),
    ];
  }

  /** Ends all traffic, and says what came of it. */
  async stop(): Promise<Traffic['lanes']> {
    this.#over = true;
    await Promise.all(this.#running);
    return this.lanes;
  }

  async #run(lane: Lane, ask: () => Promise<unknown>): Promise<void> {
    while (!this.#over) {
      await this.#once(lane, ask);
      await sleep(everyMs);
    }
  }

  /** One connection for the whole time. */
  async #stay(lane: Lane, open: () => Promise<Line>): Promise<void> {
    let line: Line | undefined;
    const next = async (number: number) => (line ??= await open()).echo(`echo ${number}`);
    for (let number = 0; !this.#over; number++) {
      if (!(await this.#once(lane, () => next(number)))) break;
      await sleep(everyMs);
    }
    line?.[Symbol.dispose]();
  }

  async #once(lane: Lane, ask: () => Promise<unknown>): Promise<boolean> {
    lane.sent++;
    try {
      await ask();
      return true;
    } catch (error) {
      if (lane.failures.length < 20)
        lane.failures.push(
          `request ${lane.sent}, ${new Date().toISOString()}: ${error instanceof Error ? error.message : String(error)}`,
        );
      return false;
    }
  }
}

function asked<Options extends RequestOptions>(
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
class Sessions {
  readonly #port: number;
  #session: ClientHttp2Session | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  ask(): Promise<string> {
    if (this.#session === undefined) {
      const session = connectHttp2(`http://127.0.0.1:${this.#port}`);
      const forget = () => {
        if (this.#session === session) this.#session = undefined;
      };
      session.on('goaway', forget).on('close', forget).on('error', forget);
      session.unref();
      this.#session = session;
    }
    const stream = this.#session.request({ ':path': '/', ':authority': 'h2.example' });
    return new Promise((resolve, reject) => {
      let status: unknown;
      let body = '';
      stream.setTimeout(longestMs, () => reject(new Error('no answer')));
      stream.setEncoding('utf8').on('response', (headers) => (status = headers[':status']));
      stream.on('data', (text: string) => (body += text));
      stream.on('error', reject);
      stream.on('end', () => (status === 200 ? resolve(body) : reject(new Error(`${String(status)} ${body}`))));
      stream.end();
    });
  }
}

/** A connection on which every line comes back. */
class Line implements Disposable {
  readonly #socket: Socket;
  #text = '';
  #heard: () => void = () => {};
  #ended: string | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text;
      this.#heard();
    });
    socket.on('error', ({ message }) => this.#end(message));
    socket.on('close', () => this.#end('the connection was closed'));
  }

  static async open(port: number): Promise<Line> {
    return new Line(connectTcp(port, '127.0.0.1'));
  }

  static async upgraded(port: number): Promise<Line> {
    const line = await Line.open(port);
    line.#socket.write('GET / HTTP/1.1\r\nhost: http.example\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
    const head = await line.#upTo('\r\n\r\n');
    if (!head.startsWith('HTTP/1.1 101')) throw new Error(head);
    return line;
  }

  async echo(text: string): Promise<void> {
    this.#socket.write(`${text}\n`);
    const back = await this.#upTo('\n');
    if (back !== `${text}\n`) throw new Error(`${back} came back`);
  }

  async #upTo(mark: string): Promise<string> {
    const late = setTimeout(() => this.#end('no answer'), longestMs);
    try {
      for (;;) {
        const at = this.#text.indexOf(mark);
        if (at >= 0) {
          const found = this.#text.slice(0, at + mark.length);
          this.#text = this.#text.slice(at + mark.length);
          return found;
        }
        if (this.#ended !== undefined) throw new Error(this.#ended);
        await new Promise<void>((resolve) => (this.#heard = resolve));
      }
    } finally {
      clearTimeout(late);
    }
  }

  #end(why: string): void {
    this.#ended ??= why;
    this.#heard();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

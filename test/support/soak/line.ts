// A connection on which every line comes back: TCP, or HTTP/1 that was upgraded to a WebSocket.

import { connect, type Socket } from 'node:net';
import { longestMs } from './http.ts';

/** What a server that is about to end says to those who stay: the next exchange belongs on another connection. */
export const movedLine = 'moved\n';

export class Line implements Disposable {
  /** Its server has asked for another connection. */
  moved = false;
  readonly #socket: Socket;
  #text = '';
  #heard: () => void = () => {};
  #ended: string | undefined;

  constructor(host: string, port: number) {
    this.#socket = connect(port, host);
    this.#socket.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text;
      this.#heard();
    });
    this.#socket.on('error', ({ message }) => this.#end(message));
    this.#socket.on('close', () => this.#end('the connection was closed'));
  }

  static async upgraded(host: string, port: number, authority: string, path: string): Promise<Line> {
    const line = new Line(host, port);
    line.#socket.write(`GET ${path} HTTP/1.1\r\nhost: ${authority}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n`);
    const head = await line.#upTo('\r\n\r\n');
    if (!head.startsWith('HTTP/1.1 101')) throw new Error(head);
    return line;
  }

  async echo(text: string): Promise<void> {
    this.#socket.write(`${text}\n`);
    const back = await this.next();
    if (back !== `${text}\n`) throw new Error(`${JSON.stringify(back)} came back for ${text}`);
  }

  /** The next line that is not the server's farewell. */
  async next(): Promise<string> {
    for (;;) {
      const line = await this.#upTo('\n');
      if (line !== movedLine) return line;
      this.moved = true;
    }
  }

  async #upTo(mark: string): Promise<string> {
    const late = setTimeout(() => this.#end(`no answer; there is ${JSON.stringify(this.#text)}`), longestMs);
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

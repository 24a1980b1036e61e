// The load of the data path benchmark: a closed loop of GETs on kept connections, one span for each line that it is given. Runs inside pods.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** What it prints after a span. */
export interface Span {
  readonly requests: number;
  readonly milliseconds: number;
}

const [, , address = '', connectionCount = '16'] = process.argv;
const url = new URL(address);
const request = Buffer.from(`GET ${url.pathname} HTTP/1.1\r\nhost: ${url.host}\r\n\r\n`);
const headEnd = Buffer.from('\r\n\r\n');

/** One connection, with at most one request on its way. */
class Caller {
  readonly #socket: Socket;
  #head: Buffer = Buffer.alloc(0);
  /** Bytes of the body that are still to come; undefined while the head is. */
  #left: number | undefined;
  #answered: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#read(chunk as Buffer));
    socket.on('close', () => fail('a connection was closed'));
  }

  /** Asks until `until` (of `performance.now()`); resolves to the number of answers. */
  async run(until: number): Promise<number> {
    let requests = 0;
    for (; performance.now() < until; requests++) {
      await new Promise<void>((resolve) => {
        this.#answered = resolve;
        this.#socket.write(request);
      });
    }
    return requests;
  }

  #read(chunk: Buffer): void {
    if (this.#left === undefined) {
      const head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
      const end = head.indexOf(headEnd);
      if (end < 0) {
        this.#head = head;
        return;
      }
      this.#head = Buffer.alloc(0);
      this.#left = lengthOf(head.toString('latin1', 0, end)) - (head.length - end - headEnd.length);
    } else this.#left -= chunk.length;
    if (this.#left > 0) return;
    if (this.#left < 0) fail('an answer is longer than it says');
    this.#left = undefined;
    this.#answered();
  }
}

function lengthOf(head: string): number {
  if (!head.startsWith('HTTP/1.1 200 ')) fail(`answered ${head.slice(0, 200)}`);
  const length = /^content-length: (\d+)\r?$/im.exec(head)?.[1];
  if (length === undefined) fail('an answer has no length');
  return Number(length);
}

/** An answer that is not a good one would make the numbers those of something else. */
function fail(why: string): never {
  console.error(`${address}: ${why}`);
  process.exit(1);
}

async function open(): Promise<Caller> {
  const socket = connect({ host: url.hostname, port: Number(url.port) });
  await once(socket, 'connect');
  return new Caller(socket);
}

const callers = await Promise.all(Array.from({ length: Number(connectionCount) }, open));
console.log('connected');
for await (const line of createInterface({ input: process.stdin })) {
  const began = performance.now();
  const counts = await Promise.all(callers.map((caller) => caller.run(began + Number(line))));
  const span: Span = {
    requests: counts.reduce((sum, count) => sum + count, 0),
    milliseconds: performance.now() - began,
  };
  console.log(JSON.stringify(span));
}
process.exit(0);

// The DNS server of a host's workloads: cluster names by the table, the rest by the network's own DNS. UDP and TCP.

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, isIPv6, type AddressInfo, type Server, type Socket } from 'node:net';
import { decode, encode, type Answer } from 'dns-packet';
import { Forwarder, type ForwarderOptions } from './forwarder.ts';
import { largestMessage, readdress, readQuery, udpLimit, writeRefusal, writeReply, type Query } from './message.ts';
import type { NameTable } from './name-table.ts';
import { resolve } from './resolve.ts';
import { frame, FrameReader } from './tcp-frame.ts';

interface DnsAddress {
  readonly address: string;
  /** The same for UDP and TCP; 0 takes a free one. */
  readonly port: number;
}

export interface DnsServerOptions extends Partial<ForwarderOptions> {
  readonly listen: readonly DnsAddress[];
  /** The names of now; undefined until they are known, and queries fail until then. */
  readonly table: () => NameTable | undefined;
  /** Whose names a client means by a short one: the namespace of the workload with this address. */
  readonly namespaceOf?: (address: string) => string | undefined;
  /** A client asked for the address of a name that is not in the table, and there is no DNS of the network to ask. */
  readonly onOutside?: (client: string, name: string) => void;
  /** What broke in a listening socket, for the log; never what a client sent. */
  readonly onError?: (error: Error) => void;
}

export interface DnsServer {
  /** What it listens on, in the order of `listen`, with real ports. */
  readonly addresses: readonly DnsAddress[];
  [Symbol.asyncDispose](): Promise<void>;
}

const mostConnections = 256;
/** Queries of one TCP connection that wait for their answer; more are not read until there is room. */
const mostWaiting = 32;
const idleMs = 10_000;

/** Starts to listen; rejects when an address cannot be had, and then listens on none. */
export async function serveDns(options: DnsServerOptions): Promise<DnsServer> {
  await using undo = new AsyncDisposableStack();
  const responder = undo.adopt(new Responder(options), (it) => it.close());
  const addresses: DnsAddress[] = [];
  for (const wanted of options.listen) {
    const { tcp, udp } = await bindPair(wanted);
    undo.defer(serveTcp(tcp, responder, options));
    undo.defer(() => closeUdp(udp.socket));
    serveUdp(udp.socket, responder, options);
    addresses.push({ address: wanted.address, port: udp.port });
  }
  const running = undo.move();
  return { addresses, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** From a query's bytes to its answer's, whichever way they travel. */
class Responder {
  readonly #options: DnsServerOptions;
  readonly #forwarder: Forwarder;
  #turn = 0;

  constructor(options: DnsServerOptions) {
    this.#options = options;
    this.#forwarder = new Forwarder({ upstreams: [], ...options });
  }

  close(): void {
    this.#forwarder.close();
  }

  /** Undefined for what deserves no answer. `limit` is the most bytes that the transport takes. */
  async respond(bytes: Buffer, client: string, limit: (query: Query) => number): Promise<Buffer | undefined> {
    const query = readQuery(bytes);
    if (query === undefined) return undefined;
    if (typeof query === 'string') return writeRefusal(bytes, query);
    const table = this.#options.table();
    if (table === undefined) return writeReply(query, { code: 'failed' }, limit(query));
    const namespace = this.#options.namespaceOf?.(plainAddress(client));
    this.#turn = (this.#turn + 1) % 0x10000;
    const resolution = resolve(query, table, namespace, this.#turn);
    if ('reply' in resolution) return writeReply(query, resolution.reply, limit(query));
    if (!this.#forwarder.configured && (query.question.type === 'A' || query.question.type === 'AAAA')) {
      this.#options.onOutside?.(plainAddress(client), 'follow' in resolution ? resolution.follow : query.name);
    }
    if ('follow' in resolution) {
      const after = await this.#addressesOf(resolution.follow, query);
      const answers = [...resolution.before, ...(after ?? [])];
      return writeReply(query, { code: after === undefined ? 'failed' : 'ok', answers }, limit(query));
    }
    if (!this.#forwarder.configured) return writeReply(query, { code: 'refused' }, limit(query));
    const answer = await this.#forwarder.ask(query);
    return answer === undefined ? writeReply(query, { code: 'failed' }, limit(query)) : readdress(answer, query, limit(query));
  }

  /** The address records that the network's DNS has for `name`; undefined when it gives no answer. */
  async #addressesOf(name: string, { question }: Query): Promise<Answer[] | undefined> {
    const recursionDesired = 0x0100;
    const query = readQuery(encode({ type: 'query', flags: recursionDesired, questions: [{ ...question, name }] }));
    const answer = typeof query === 'object' ? await this.#forwarder.ask(query) : undefined;
    if (answer === undefined) return undefined;
    try {
      return decode(answer).answers.flatMap(({ name: owner, type, ttl = 0, data }) =>
        (type === 'A' || type === 'AAAA' || type === 'CNAME') && typeof data === 'string'
          ? [{ name: owner, type, ttl, data }]
          : [],
      );
    } catch {
      return undefined;
    }
  }
}

function serveUdp(socket: UdpSocket, responder: Responder, { onError }: DnsServerOptions): void {
  socket.on('error', (error) => onError?.(error));
  socket.on('message', (bytes, client) => {
    const answered = responder.respond(bytes, client.address, udpLimit).then((answer) => {
      // A client that is gone is told nothing, and that is no error of ours.
      if (answer !== undefined && isOpen(socket)) socket.send(answer, client.port, client.address, () => {});
    });
    answered.catch((error: unknown) => onError?.(asError(error)));
  });
}

/** Answers the connections of `server`; what it returns cuts them and stops listening. */
function serveTcp(server: Server, responder: Responder, { onError }: DnsServerOptions): () => Promise<void> {
  const sockets = new Set<Socket>();
  server.maxConnections = mostConnections;
  server.on('error', (error) => onError?.(error));
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    const client = socket.remoteAddress ?? '';
    let waiting = 0;
    let ended = false;
    const answer = async (bytes: Buffer) => {
      waiting++;
      if (waiting >= mostWaiting) socket.pause();
      const reply = await responder.respond(bytes, client, () => largestMessage);
      waiting--;
      if (waiting < mostWaiting) socket.resume();
      if (reply === undefined) socket.destroy();
      else if (!socket.destroyed) socket.write(frame(reply));
      if (ended && waiting === 0) socket.end();
    };
    const reader = new FrameReader((bytes) => {
      answer(Buffer.from(bytes)).catch((error: unknown) => {
        socket.destroy();
        onError?.(asError(error));
      });
    });
    socket.setTimeout(idleMs, () => socket.destroy());
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => reader.push(bytes));
    socket.on('end', () => {
      ended = true;
      if (waiting === 0) socket.end();
    });
    socket.on('close', () => sockets.delete(socket));
  });
  return () => {
    for (const socket of sockets) socket.destroy();
    return closeTcp(server);
  };
}

/** UDP and TCP on one port. A free port of TCP's may be taken for UDP: then another is tried. */
async function bindPair({ address, port }: DnsAddress): Promise<{ tcp: Server; udp: { socket: UdpSocket; port: number } }> {
  for (let tries = port === 0 ? 5 : 1; ; tries--) {
    const tcp = await bindTcp(address, port);
    const bound = (tcp.address() as AddressInfo).port;
    try {
      return { tcp, udp: { socket: await bindUdp(address, bound), port: bound } };
    } catch (error) {
      await closeTcp(tcp);
      if (tries <= 1) throw error;
    }
  }
}

function bindTcp(address: string, port: number): Promise<Server> {
  const server = createServer({ noDelay: true, allowHalfOpen: true });
  return new Promise((done, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port }, () => {
      server.off('error', reject);
      done(server);
    });
  });
}

function bindUdp(address: string, port: number): Promise<UdpSocket> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  return new Promise((done, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, () => {
      socket.off('error', reject);
      done(socket);
    });
  });
}

const closeTcp = (server: Server): Promise<void> => new Promise((done) => server.close(() => done()));

const closeUdp = (socket: UdpSocket): Promise<void> => new Promise((done) => socket.close(done));

function isOpen(socket: UdpSocket): boolean {
  try {
    socket.address();
    return true;
  } catch {
    return false;
  }
}

/** An IPv4 client of a socket for both families shows as `::ffff:10.1.0.5`. */
const plainAddress = (address: string): string => (address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address);

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

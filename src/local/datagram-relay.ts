// Datagrams between the host and the sandbox, as QUIC sends them: each client of a port has a connection of its own through the relay
// socket, in which each datagram follows its length. Both halves are here; connections are relay.ts's.

import { createSocket, type RemoteInfo, type Socket as DatagramSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { relayAddress } from './addresses.ts';

/** Clients of one port at once; what others send is dropped. */
const mostClients = 1024;
/** A client that has sent nothing for so long is forgotten: QUIC's own idle connections end sooner. */
const idleMs = 120_000;
/** Bytes that wait for the other side; what comes on top is dropped, as a full network would. */
const mostWaiting = 1024 * 1024;

const headBytes = 2;
const longestDatagram = 0xffff;

/** Writes a datagram into a tunnel, or drops it. */
function sendFramed(tunnel: Socket, datagram: Uint8Array): void {
  if (tunnel.destroyed || tunnel.writableLength > mostWaiting || datagram.length > longestDatagram) return;
  const head = Buffer.alloc(headBytes);
  head.writeUInt16BE(datagram.length);
  tunnel.cork();
  tunnel.write(head);
  tunnel.write(datagram);
  tunnel.uncork();
}

/** Takes datagrams out of what a tunnel brings, however that is cut. */
export function unframed(take: (datagram: Buffer) => void): (chunk: Buffer) => void {
  let left: Buffer = Buffer.alloc(0);
  return (chunk) => {
    left = left.length === 0 ? chunk : Buffer.concat([left, chunk]);
    let at = 0;
    for (;;) {
      if (left.length - at < headBytes) break;
      const end = at + headBytes + left.readUInt16BE(at);
      if (left.length < end) break;
      take(left.subarray(at + headBytes, end));
      at = end;
    }
    left = left.subarray(at);
  };
}

/** The outer half: what clients send to the host's socket goes to the relay socket, naming the target first, and answers come back. */
export class DatagramsOut implements Disposable {
  readonly #socket: DatagramSocket;
  readonly #open: () => Socket;
  readonly #clients = new Map<string, { readonly tunnel: Socket; readonly idle: NodeJS.Timeout }>();

  constructor(socket: DatagramSocket, socketPath: string, target: string) {
    this.#socket = socket;
    this.#open = () => {
      const tunnel = connect({ path: socketPath });
      tunnel.write(`${target}\n`);
      return tunnel;
    };
    socket.on('message', (datagram, from) => this.#take(datagram, from));
  }

  [Symbol.dispose](): void {
    this.#socket.close();
    for (const { tunnel, idle } of this.#clients.values()) {
      clearTimeout(idle);
      tunnel.destroy();
    }
    this.#clients.clear();
  }

  #take(datagram: Buffer, from: RemoteInfo): void {
    const key = `${from.address} ${from.port}`;
    const client = this.#clients.get(key) ?? this.#client(key, from);
    if (client === undefined) return;
    client.idle.refresh();
    sendFramed(client.tunnel, datagram);
  }

  #client(key: string, { address, port }: RemoteInfo) {
    if (this.#clients.size >= mostClients) return undefined;
    const tunnel = this.#open();
    const client = { tunnel, idle: setTimeout(() => tunnel.destroy(), idleMs).unref() };
    this.#clients.set(key, client);
    tunnel.on(
      'data',
      unframed((datagram) => this.#socket.send(datagram, port, address, () => {})),
    );
    tunnel.on('error', () => {});
    tunnel.on('close', () => {
      clearTimeout(client.idle);
      if (this.#clients.get(key) === client) this.#clients.delete(key);
    });
    return client;
  }
}

/** The inner half: a socket of its own for each client, so that answers find their way back. The tunnel's end is its end. */
export function datagramsIn(tunnel: Socket, address: string, port: number): void {
  const socket = createSocket('udp4');
  let connected = false;
  const early: Buffer[] = [];
  const send = (datagram: Buffer): void => socket.send(datagram, () => {});
  socket.on('message', (datagram) => sendFramed(tunnel, datagram));
  // Nobody listens there: the client hears nothing, as from a host that is away.
  socket.on('error', () => {});
  socket.bind(0, relayAddress, () => {
    if (tunnel.destroyed) return;
    socket.connect(port, address, (error?: Error) => {
      if (error !== undefined) return void tunnel.destroy();
      connected = true;
      for (const datagram of early.splice(0)) send(datagram);
    });
  });
  tunnel.on(
    'data',
    unframed((datagram) => {
      if (connected) send(datagram);
      else if (early.length < mostEarly) early.push(Buffer.from(datagram));
    }),
  );
  tunnel.on('end', () => tunnel.destroy()).on('close', () => socket.close());
  tunnel.resume();
}

/** Datagrams that wait for the inner socket to be ready. */
const mostEarly = 64;

// One connection from the host into the sandbox: TCP to a Unix socket outside, the Unix socket to TCP inside. Both halves are here;
// what a connection of datagrams holds is datagram-relay.ts's.

import { connect, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { relayAddress } from './addresses.ts';
import type { PublishedPort } from './controllers/published-services.ts';
import { datagramsIn } from './datagram-relay.ts';
import { framed, Unframed } from './relay-frames.ts';

/** Connections at once through one half; more are refused. */
const mostConnections = 4096;
const longestTarget = 128;

/** The outer half: carries a client's connection to the relay socket, naming the target first. */
export function relayOut(client: Socket, socketPath: string, target: string): void {
  const tunnel = connect({ path: socketPath, allowHalfOpen: true });
  tunnel.write(`${target.slice(0, longestTarget)}\n`);
  void join(client, tunnel);
}

/** The inner half: takes connections from the host and makes them to what `resolve` says; a name it does not know is refused. */
export function relayServer(
  resolve: (target: string) => Pick<PublishedPort, 'protocol' | 'address' | 'port'> | undefined,
): Server {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (tunnel) => {
    tunnel.on('error', () => {});
    readTarget(tunnel, (name) => {
      const target = name === undefined ? undefined : resolve(name);
      if (target === undefined) return tunnel.destroy();
      const { protocol, address, port } = target;
      if (protocol === 'udp') return datagramsIn(tunnel, address, port);
      const service = connect({ host: address, port, localAddress: relayAddress, allowHalfOpen: true });
      void join(service, tunnel);
    });
    tunnel.resume();
  });
  server.maxConnections = mostConnections;
  return server;
}

/** Ends both when one breaks: the tunnel without a last frame, the TCP side by a reset. A half that finished leaves the other half open. */
async function join(plain: Socket, tunnel: Socket): Promise<void> {
  plain.setNoDelay(true);
  const incoming = new Unframed();
  const reset = (): void => {
    if (!incoming.finished && !plain.destroyed) plain.resetAndDestroy();
  };
  // Before the pipelines hear of it: they would close the connection in an orderly way.
  incoming.once('error', reset);
  tunnel.once('error', reset).once('close', reset);
  try {
    await Promise.all([pipeline(plain, framed(), tunnel), pipeline(tunnel, incoming, plain)]);
  } catch {
    plain.destroy();
    tunnel.destroy();
  }
}

/** The first line; what follows it stays in the socket. */
function readTarget(tunnel: Socket, done: (name: string | undefined) => void): void {
  let head = Buffer.alloc(0);
  const take = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf(0x0a);
    if (end < 0 && head.length <= longestTarget) return;
    tunnel.off('data', take);
    tunnel.pause();
    if (end < 0) return done(undefined);
    if (end + 1 < head.length) tunnel.unshift(head.subarray(end + 1));
    done(head.subarray(0, end).toString('utf8'));
  };
  tunnel.on('data', take);
}

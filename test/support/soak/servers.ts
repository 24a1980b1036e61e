// The servers of a soak: HTTP/1 with WebSocket, HTTP/2 with gRPC, and TCP, where the client or the server speaks first. They come and
// go as pods do.

import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { methods, serveGrpc } from './grpc.ts';
import { movedLine } from './line.ts';

export type Protocol = 'http' | 'h2' | 'tcp' | 'banner';

export interface Instance {
  readonly port: number;
  readonly version: string;
  /** Takes no more connections; those that are open go on to their end. */
  retire(): void;
  /** The same, and asks those who stay to come again elsewhere; resolves when the last has gone. */
  leave(): Promise<void>;
}

interface Served {
  readonly server: Server;
  /** What asks each of those who stay to go. */
  readonly staying: Set<() => void>;
}

export async function startInstance(
  protocol: Protocol,
  version: string,
  { port = 0, host = '127.0.0.1' } = {},
): Promise<Instance> {
  const { server, staying } = serve(protocol, version);
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  server.unref();
  return {
    port: (server.address() as AddressInfo).port,
    version,
    retire: () => void server.close(),
    async leave() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const ask of staying) ask();
      await closed;
    },
  };
}

function serve(protocol: Protocol, version: string): Served {
  const staying = new Set<() => void>();
  const stays = (stream: Duplex, ask: () => void): void => {
    staying.add(ask);
    stream.on('error', () => {}).on('close', () => staying.delete(ask));
  };
  const echo = (socket: Duplex): void => {
    stays(socket, () => void socket.write(movedLine));
    socket.pipe(socket);
  };
  switch (protocol) {
    case 'http': {
      const server = createHttpServer((_request, response) => response.end(version));
      // Only what asks to be upgraded: an echo.
      server.on('upgrade', (_request, socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
        echo(socket);
      });
      return { server, staying };
    }
    case 'h2': {
      const server = createHttp2Server();
      server.on('session', (session) => {
        // What is under way on it goes on.
        const close = () => session.close();
        staying.add(close);
        session.on('error', () => {}).on('close', () => staying.delete(close));
      });
      server.on('stream', (stream: ServerHttp2Stream, { ':path': path = '' }: IncomingHttpHeaders) => {
        if (Object.values<string>(methods).includes(path)) return stays(stream, serveGrpc(stream, path));
        stream.on('error', () => {});
        stream.respond({ ':status': 200 });
        stream.end(version);
      });
      return { server, staying };
    }
    case 'tcp':
      return { server: createTcpServer(echo), staying };
    case 'banner':
      return {
        server: createTcpServer((socket) => {
          socket.write(`hello ${version}\n`);
          echo(socket);
        }),
        staying,
      };
  }
}

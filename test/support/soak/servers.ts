// The servers of a soak: HTTP/1 with WebSocket, HTTP/2 and TCP, each instance under a name of its own; they come and go as pods do.

import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';

export type Protocol = 'http' | 'h2' | 'tcp';

export interface Instance {
  readonly port: number;
  readonly version: string;
  /** Takes no more connections; those that are open go on to their end. */
  retire(): void;
}

export async function startInstance(protocol: Protocol, version: string): Promise<Instance> {
  const server = serverOf(protocol, version);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return { port: (server.address() as AddressInfo).port, version, retire: () => void server.close() };
}

function serverOf(protocol: Protocol, version: string): Server {
  switch (protocol) {
    case 'http': {
      const server = createHttpServer((_request, response) => response.end(version));
      // Only what asks to be upgraded: an echo.
      server.on('upgrade', (_request, socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
        socket.on('error', () => {});
        socket.pipe(socket);
      });
      return server;
    }
    case 'h2':
      return createHttp2Server((request, response) => {
        request.on('error', () => {});
        response.end(version);
      });
    case 'tcp':
      return createTcpServer((socket) => {
        socket.on('error', () => {});
        socket.pipe(socket);
      });
  }
}

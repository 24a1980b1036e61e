// The tcp-echo sample: sends each line back with a word before it. `node tcp-echo.ts PORT[,PORT…] WORD`, 9000 and `hello` unless told otherwise.

import { createServer, type Socket } from 'node:net';
import { log } from './log.ts';
import { listen, onStop, parsePort } from './ports.ts';

const [portList = '9000', prefix = 'hello'] = process.argv.slice(2);
const longestLine = 64 * 1024;
const newline = 0x0a;

const sockets = new Set<Socket>();
const servers = portList.split(',').map((text) => {
  const server = createServer({ allowHalfOpen: true }, echo);
  listen(server, parsePort(text.trim(), 9000));
  return server;
});

onStop(() => {
  for (const server of servers) server.close();
  for (const socket of sockets) socket.end();
});

function echo(socket: Socket): void {
  sockets.add(socket);
  socket.setNoDelay(true);
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      const line = rest.subarray(0, end + 1);
      rest = rest.subarray(end + 1);
      log('info', 'line', { port: socket.localPort, bytes: line.length });
      // Reading waits for a peer that does not read its answers.
      if (!socket.write(Buffer.concat([Buffer.from(`${prefix} `), line]))) socket.pause();
    }
    if (rest.length > longestLine) socket.destroy();
  });
  socket.on('drain', () => socket.resume());
  socket.on('end', () => socket.end());
  socket.on('error', () => socket.destroy());
  socket.on('close', () => sockets.delete(socket));
}

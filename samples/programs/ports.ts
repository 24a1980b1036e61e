// Where a demo program listens: a port from an argument or the environment, all addresses unless told otherwise.

import type { Server } from 'node:net';
import { log, refuseToStart } from './log.ts';

/** A port from what a person wrote; nothing written means `fallback`. Port 0 asks the kernel for a free one. */
export function parsePort(text: string | undefined, fallback: number): number {
  if (text === undefined || text === '') return fallback;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) refuseToStart(`not a port: ${JSON.stringify(text)}; give a number from 0 to 65535`);
  return port;
}

/**
 * Listens, and says on stdout where: `{"msg":"listening","port":N,…}`. Without an address, Node takes `::`, which serves IPv4 and
 * IPv6, and 0.0.0.0 where the kernel has no IPv6. `LISTEN_ADDRESS` narrows it.
 */
export function listen(server: Server, port: number, address = process.env['LISTEN_ADDRESS']): void {
  server.once('error', (error) => refuseToStart(`cannot listen on port ${port}: ${error.message}`, { port }));
  server.listen({ port, ...(address ? { host: address } : {}) }, () => {
    const bound = server.address();
    log('info', 'listening', bound !== null && typeof bound === 'object' ? { address: bound.address, port: bound.port } : {});
  });
}

/** Runs `stop` at the first SIGTERM or SIGINT; leaves at the second, or when stopping took ten seconds. */
export function onStop(stop: () => void): void {
  let stopping = false;
  const handle = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(0);
    stopping = true;
    log('info', 'stopping', { signal });
    stop();
    setTimeout(() => process.exit(0), 10_000).unref();
  };
  process.on('SIGTERM', handle);
  process.on('SIGINT', handle);
}

// Serves the write API on a Unix socket that only this user can open: the file's mode is the permission.

import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import { listenError } from '../control-error.ts';

/** Listens; the state folder's lock is held already, so a socket file that is there was left by a process that died. */
export async function serveSocket(app: Hono, path: string): Promise<AsyncDisposable> {
  rmSync(path, { force: true });
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const server = createServer((request, response) => void listener(request, response));
  // A garbled request costs its own connection only.
  server.on('clientError', (_error, socket) => socket.destroy());
  const mask = process.umask(0o177);
  try {
    await listening(server, path);
  } finally {
    process.umask(mask);
  }
  chmodSync(path, 0o600);
  return {
    async [Symbol.asyncDispose]() {
      await closed(server);
      rmSync(path, { force: true });
    },
  };
}

const listening = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenError('the API', path, '--state', error)));
    server.listen(path, resolve);
  });

/** Ends streams too: a watcher would keep the server open for ever. */
export const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

// The host's side of published services: listens on the host's ports and relays each connection into the sandbox. Used by outer.ts.

import { createServer, type AddressInfo, type Server } from 'node:net';
import type { PublishedPort } from './controllers/published-services.ts';
import { relayOut } from './relay.ts';

/** A service port as the host offers it. */
export interface HostPort {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

export class PublishedPorts implements AsyncDisposable {
  readonly #address: string;
  readonly #socketPath: string;
  readonly #say: (line: string) => void;
  readonly #servers = new Map<string, { readonly server: Server; readonly port: number }>();
  #changing: Promise<void> = Promise.resolve();

  constructor(address: string, socketPath: string, say: (line: string) => void) {
    this.#address = address;
    this.#socketPath = socketPath;
    this.#say = say;
  }

  /** Listens for exactly these services; those that stay keep their port and connections. */
  async set(wanted: readonly PublishedPort[]): Promise<readonly HostPort[]> {
    const change = this.#changing.then(() => this.#change(wanted));
    this.#changing = change.catch(() => {});
    await change;
    return [...this.#servers].map(([name, { port }]) => ({ name, address: this.#address, port }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.set([]);
  }

  async #change(wanted: readonly PublishedPort[]): Promise<void> {
    const names = new Set(wanted.map(({ name }) => name));
    for (const [name, { server }] of this.#servers) {
      if (names.has(name)) continue;
      server.close();
      this.#servers.delete(name);
    }
    for (const { name, hostPort } of wanted) {
      if (this.#servers.has(name)) continue;
      try {
        this.#servers.set(name, await this.#listen(name, hostPort));
      } catch (error) {
        this.#say(
          `cannot publish ${name} on ${this.#address}: ${(error as Error).message} (choose an address of this machine with --publish-address)`,
        );
      }
    }
  }

  async #listen(name: string, hostPort: number): Promise<{ server: Server; port: number }> {
    const server = createServer({ allowHalfOpen: true }, (client) => {
      client.on('error', () => {});
      relayOut(client, this.#socketPath, name);
    });
    server.maxConnections = 4096;
    try {
      return { server, port: await listen(server, hostPort, this.#address) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' && (error as NodeJS.ErrnoException).code !== 'EACCES')
        throw error;
      const port = await listen(server, 0, this.#address);
      this.#say(`port ${hostPort} of ${this.#address} is taken: ${name} is published on ${port} instead`);
      return { server, port };
    }
  }
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host }, () => {
      server.off('error', reject);
      server.on('error', () => {});
      resolve((server.address() as AddressInfo).port);
    });
  });
}

// The host's side of published services: listens on the host's ports and relays connections and datagrams into the sandbox. Used by
// outer.ts.

import { createSocket } from 'node:dgram';
import { createServer, isIPv6, type AddressInfo, type Server } from 'node:net';
import { twinOf, type PublishedPort } from './controllers/published-services.ts';
import { DatagramsOut } from './datagram-relay.ts';
import { relayOut } from './relay.ts';

/** A service port as the host offers it. */
export interface HostPort {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** A port that is held. */
interface Held {
  readonly port: number;
  close(): void;
}

export class PublishedPorts implements AsyncDisposable {
  readonly #address: string;
  readonly #socketPath: string;
  readonly #say: (line: string) => void;
  readonly #held = new Map<string, Held>();
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
    return [...this.#held].map(([name, { port }]) => ({ name, address: this.#address, port }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.set([]);
  }

  async #change(wanted: readonly PublishedPort[]): Promise<void> {
    const names = new Set(wanted.map(({ name }) => name));
    for (const [name, held] of this.#held) {
      if (names.has(name)) continue;
      held.close();
      this.#held.delete(name);
    }
    // Clients of HTTPS look for HTTP/3 at the same number, so that goes where the former is.
    for (const each of wanted.toSorted((a, b) => Number(a.protocol === 'udp') - Number(b.protocol === 'udp'))) {
      const { name } = each;
      if (this.#held.has(name)) continue;
      const hostPort = this.#held.get(twinOf(each) ?? '')?.port ?? each.hostPort;
      try {
        this.#held.set(name, await this.#hold(each, hostPort));
      } catch (error) {
        this.#say(
          `cannot publish ${name} on ${this.#address}: ${(error as Error).message} (choose an address of this machine with --publish-address)`,
        );
      }
    }
  }

  async #hold({ name, protocol }: PublishedPort, hostPort: number): Promise<Held> {
    const hold = (port: number): Promise<Held> => (protocol === 'udp' ? this.#receive(name, port) : this.#listen(name, port));
    try {
      return await hold(hostPort);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' && (error as NodeJS.ErrnoException).code !== 'EACCES')
        throw error;
      const held = await hold(0);
      this.#say(`port ${hostPort} of ${this.#address} is taken: ${name} is published on ${held.port} instead`);
      return held;
    }
  }

  async #listen(name: string, hostPort: number): Promise<Held> {
    const server = createServer({ allowHalfOpen: true }, (client) => {
      client.on('error', () => {});
      relayOut(client, this.#socketPath, name);
    });
    server.maxConnections = 4096;
    return { port: await listen(server, hostPort, this.#address), close: () => server.close() };
  }

  async #receive(name: string, hostPort: number): Promise<Held> {
    const socket = createSocket(isIPv6(this.#address) ? 'udp6' : 'udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(hostPort, this.#address, () => {
        socket.off('error', reject);
        socket.on('error', () => {});
        resolve();
      });
    });
    const relay = new DatagramsOut(socket, this.#socketPath, name);
    return { port: socket.address().port, close: () => relay[Symbol.dispose]() };
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

// Peers with workload certificates of a root of their own, who may say where they come from: for tests of listeners that decide by that.

import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { writeLeaf, writeRoot, type Signer } from '../../src/ca/x509.ts';

export interface Leaf {
  readonly certificate: string;
  readonly key: string;
}

/** Who connects, from where, and to what: what a listener with `proxy_protocol` and TLS will see. IPv4. */
export interface Caller {
  /** A SPIFFE id; undefined: no client certificate. */
  readonly identity: string | undefined;
  /** A loopback address, the socket's own. */
  readonly peer: string;
  /** What the PROXY header says. */
  readonly remote: string;
  readonly destination: string;
  readonly port: number;
  /** Empty: none. */
  readonly sni: string;
}

const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const validity = () => ({ notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) });

export class Peers {
  /** The root that signs every peer, as PEM. */
  readonly root: string;
  readonly #signer: Signer;
  readonly #leaves = new Map<string, Promise<Leaf>>();

  private constructor(signer: Signer) {
    this.#signer = signer;
    this.root = signer.certificate.toString();
  }

  static async create(): Promise<Peers> {
    const { privateKey: key } = newKeys();
    return new Peers({ key, certificate: new X509Certificate(await writeRoot(key, { organization: 'test', ...validity() })) });
  }

  /** The certificate and key of an identity, the same each time. */
  leaf(identity: string): Promise<Leaf> {
    const leaf = this.#leaves.get(identity) ?? this.#newLeaf(identity);
    this.#leaves.set(identity, leaf);
    return leaf;
  }

  async #newLeaf(identity: string): Promise<Leaf> {
    const { publicKey, privateKey } = newKeys();
    const certificate = await writeLeaf(this.#signer, { publicKey, uris: [identity], ...validity() });
    return { certificate, key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() };
  }

  /** A TLS connection to a listener on 127.0.0.1. */
  async connect(listenerPort: number, caller: Caller): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port: listenerPort, localAddress: caller.peer });
    await once(socket, 'connect');
    socket.write(`PROXY TCP4 ${caller.remote} ${caller.destination} 40000 ${caller.port}\r\n`);
    const leaf = caller.identity === undefined ? undefined : await this.leaf(caller.identity);
    const tls = connectTls({
      socket,
      ca: this.root,
      checkServerIdentity: () => undefined,
      ...(caller.sni !== '' && { servername: caller.sni }),
      ...(leaf && { cert: leaf.certificate, key: leaf.key }),
    });
    await once(tls, 'secureConnect');
    return tls;
  }
}

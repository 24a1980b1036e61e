// The laptop platform's addresses: pods, services, and the sandbox's own. Read by the network, the controllers and the mesh's DNS.

import { createHash } from 'node:crypto';

/** Where probes come from. Like a kubelet's, they are not captured in meshed pods. */
export const nodeAddress = '10.244.0.1';
/** Where connections from the host's published ports come from; captured like any other caller's. */
export const relayAddress = '10.244.0.2';
/** The name server of pods in the mesh. */
export const dnsAddress = '10.96.0.10';
/**
 * The name server of their proxies and of pods outside the mesh: they connect to what a name really means, and could do nothing with an
 * address that only a proxy knows.
 */
export const plainDnsAddress = '10.96.0.11';
/** Every pod's gateway, on the sandbox's side of its veth. */
export const gatewayAddress = '169.254.1.1';

const firstPod = 10;
const lastPod = 65_534;

/** Hands out pod addresses in turn, so that one that was just given back is the last to be used again. */
export class PodAddresses {
  readonly #used = new Set<number>();
  #next = firstPod;

  take(): string {
    for (let tried = firstPod; tried <= lastPod; tried++) {
      const number = this.#next;
      this.#next = number === lastPod ? firstPod : number + 1;
      if (this.#used.has(number)) continue;
      this.#used.add(number);
      return `10.244.${number >> 8}.${number & 255}`;
    }
    throw new RangeError('all 65,525 pod addresses are in use');
  }

  giveBack(address: string): void {
    const [, , high, low] = address.split('.').map(Number);
    if (high !== undefined && low !== undefined) this.#used.delete(high * 256 + low);
  }
}

/** The first 256 addresses are kept for the platform and for manifests that name their own. */
const firstService = 256;
const services = 65_535 - firstService;

/**
 * A service's address: from the hash of its name, so that it is the same at the next start; where another service has that
 * address, the next free one.
 */
export function serviceAddress(namespace: string, name: string, taken: ReadonlySet<string>): string {
  const hash = createHash('sha256').update(`${namespace}/${name}`).digest().readUInt32BE(0);
  for (let probe = 0; probe < services; probe++) {
    const number = firstService + ((hash + probe) % services);
    const address = `10.96.${number >> 8}.${number & 255}`;
    if (!taken.has(address)) return address;
  }
  throw new RangeError('all service addresses are in use');
}

// The sandbox's own network: its addresses, routes between pods, and the service rules. Everything here is inside the sandbox.

import { writeFileSync } from 'node:fs';
import { dnsAddress, gatewayAddress, nodeAddress, plainDnsAddress, relayAddress } from './addresses.ts';
import { demand } from './command.ts';
import { serviceRules, type VirtualPort } from './service-rules.ts';
import type { Tools } from './tools.ts';

/**
 * Pods hang on the sandbox's namespace by one veth each and a /32 route, without a bridge: every packet between them crosses
 * this namespace, so connection tracking sees both directions and service addresses work everywhere.
 */
export class Network {
  readonly #tools: Tools;
  #links = 0;
  #rules = '';
  #loading: Promise<void> = Promise.resolve();

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  async start(): Promise<void> {
    await this.#ip([
      'link set lo up',
      ...[nodeAddress, relayAddress, dnsAddress, plainDnsAddress, gatewayAddress].map(
        (address) => `address replace ${address}/32 dev lo`,
      ),
      // What no pod has leads to the loopback, where the rules refuse it at once.
      `route replace default dev lo src ${nodeAddress}`,
    ]);
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
    // The name server and gateways bind low ports without rights.
    writeFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', '0');
    await this.setServices([]);
  }

  /** Gives the namespace that a process holds an `eth0` with this address, its gateway being the sandbox. */
  async connect(pid: number, address: string): Promise<void> {
    const link = `pod${++this.#links}`;
    await this.#ip([
      `link add ${link} type veth peer name eth0 netns ${pid}`,
      `link set ${link} up`,
      `route replace ${address}/32 dev ${link} src ${nodeAddress}`,
    ]);
    await demand([this.#tools.nsenter, '--target', String(pid), '--net', '--', this.#tools.ip, '-batch', '-'], {
      input: [
        'link set lo up',
        'link set eth0 up',
        `address replace ${address}/32 dev eth0`,
        `route replace ${gatewayAddress} dev eth0 scope link`,
        `route replace default via ${gatewayAddress}`,
      ].join('\n'),
    });
  }

  /** Loads the rules for these ports in one transaction, after the last ones; the same rules are not loaded again. */
  setServices(ports: readonly VirtualPort[]): Promise<void> {
    const rules = serviceRules(ports);
    if (rules === this.#rules) return this.#loading;
    this.#rules = rules;
    const load = async () => {
      try {
        await demand([this.#tools.nft, '-f', '-'], { input: rules });
      } catch (error) {
        this.#rules = '';
        throw error;
      }
    };
    this.#loading = this.#loading.then(load, load);
    return this.#loading;
  }

  async #ip(lines: readonly string[]): Promise<void> {
    await demand([this.#tools.ip, '-batch', '-'], { input: lines.join('\n') });
  }
}

// The nftables rule set that turns service addresses into pods', made from Services and EndpointSlices. Pure; network.ts loads it.

import { relayAddress } from './addresses.ts';

/** One port of a service's address and the ready endpoints behind it, each as [address, port]. */
export interface VirtualPort {
  readonly address: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  readonly endpoints: readonly (readonly [address: string, port: number])[];
}

const table = 'ip lateen_services';

/**
 * The whole rule set as one transaction for `nft -f -`. A connection to a service's address goes to one ready endpoint at
 * random; what has no endpoint, and what would leave the sandbox, is refused at once instead of timing out.
 */
export function serviceRules(ports: readonly VirtualPort[]): string {
  const open = ports.filter(({ endpoints }) => endpoints.length > 0);
  const pods = [...new Set(open.flatMap(({ endpoints }) => endpoints.map(([address]) => address)))].sort();
  return `table ${table} {
}
delete table ${table}
table ${table} {
${open.map(backend).join('')}  chain pick {
${open.length === 0 ? '' : `    ip daddr . meta l4proto . th dport vmap { ${open.map(entry).join(', ')} }\n`}  }
  chain from_pods {
    type nat hook prerouting priority -100; policy accept;
    jump pick
  }
  chain from_sandbox {
    type nat hook output priority -100; policy accept;
    jump pick
  }
  chain hairpin {
    type nat hook postrouting priority 100; policy accept;
${pods.length === 0 ? '' : `    ip saddr . ip daddr { ${pods.map((pod) => `${pod} . ${pod}`).join(', ')} } snat to ${relayAddress}\n`}  }
  chain refuse {
    meta l4proto tcp reject with tcp reset
    reject with icmp type port-unreachable
  }
  chain forwarded {
    type filter hook forward priority 0; policy accept;
    oifname "lo" jump refuse
  }
  chain sent {
    type filter hook output priority 0; policy accept;
    ct status dnat accept
    oifname "lo" fib daddr type != local jump refuse
  }
}
`;
}

const chainName = ({ address, port, protocol }: VirtualPort) => `to_${address.replaceAll('.', '_')}_${protocol}_${port}`;

const entry = (port: VirtualPort) => `${port.address} . ${port.protocol} . ${port.port} : goto ${chainName(port)}`;

function backend(port: VirtualPort): string {
  const choices = port.endpoints.map(([address, target], index) => `${index} : ${address} . ${target}`);
  return `  chain ${chainName(port)} {
    meta l4proto ${port.protocol} dnat to numgen random mod ${choices.length} map { ${choices.join(', ')} }
  }
`;
}

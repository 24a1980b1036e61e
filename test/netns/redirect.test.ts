// Capture rules in real namespaces: what reaches the proxy, what does not, by nft and iptables, by user and by mark.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { deleteNamespaces, play, prefix, ways, works } from './redirect-support.ts';

const scenario = fileURLToPath(import.meta.resolve('./redirect-scenario.ts'));

const tools = {
  nft: (await works(['nft', '--version'])) ? false : 'nft is not installed: apt-get install nftables',
  iptables:
    (await works(['iptables', '--version'])) && (await works(['ip6tables', '--version']))
      ? false
      : 'iptables is not installed: apt-get install iptables',
} as const;

after(deleteNamespaces);

const expected = {
  default: {
    'app -> 10.88.0.2:80': 'outbound 10.88.0.2:80',
    'app -> [fd88::2]:80': 'outbound [fd88::2]:80',
    'app -> 10.88.0.2:25': 'peer:25',
    'app -> 10.99.0.2:80': 'peer:80',
    'app -> 127.0.0.1:8080': 'app:8080',
    'app -> [::1]:8080': 'app:8080',
    'app -> 10.88.0.1:8080': 'app:8080',
    'app -> [fd88::1]:8080': 'app:8080',
    'app from 127.0.0.6 -> 10.88.0.1:8080': 'app:8080',
    'app from ::6 -> [fd88::1]:8080': 'app:8080',
    'proxy -> 10.88.0.2:80': 'peer:80',
    'proxy -> [fd88::2]:80': 'peer:80',
    'proxy -> 127.0.0.1:8080': 'app:8080',
    'proxy -> 10.88.0.1:8080': 'inbound 10.88.0.1:8080',
    'proxy -> [fd88::1]:8080': 'inbound [fd88::1]:8080',
    'proxy -> 10.88.0.1:15008': 'app:15008',
    'peer -> 10.88.0.1:8080': 'inbound 10.88.0.1:8080',
    'peer -> [fd88::1]:8080': 'inbound [fd88::1]:8080',
    'peer -> 10.88.0.1:9000': 'app:9000',
    'peer -> 10.88.0.1:15008': 'app:15008',
    'peer -> 10.88.0.1:15021': 'app:15021',
    'peer -> 10.88.0.1:15090': 'app:15090',
    'peer from 10.88.0.3 -> 10.88.0.1:8080': 'app:8080',
    'peer from 10.88.0.3 -> 10.88.0.1:8081': 'inbound 10.88.0.1:8081',
  },
  lists: {
    'app -> 10.88.0.2:80': 'peer:80',
    'app -> 10.88.0.2:443': 'outbound 10.88.0.2:443',
    'app -> 10.99.0.2:80': 'outbound 10.99.0.2:80',
    'peer -> 10.88.0.1:8080': 'inbound 10.88.0.1:8080',
    'peer -> 10.88.0.1:8081': 'app:8081',
  },
  removed: {
    'app -> 10.88.0.2:80': 'peer:80',
    'peer -> 10.88.0.1:8080': 'app:8080',
    'peer -> [fd88::1]:8080': 'app:8080',
  },
};

for (const [tool, missing] of Object.entries(tools)) {
  for (const { knownBy, before, skip } of ways) {
    test(`${tool} rules, the proxy known by its ${knownBy}`, { skip: missing || skip }, async () => {
      assert.deepEqual(await play(before, scenario, [tool, knownBy, `${prefix}-${tool}`]), expected);
    });
  }
}

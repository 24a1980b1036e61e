// Capture rules in real namespaces: what reaches the proxy, what does not, by nft and iptables, by user and by mark.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const scenario = fileURLToPath(import.meta.resolve('./redirect-scenario.ts'));
const prefix = `lt-${process.pid}`;

const root = process.getuid?.() === 0;
/** One user namespace with everything below it; its end ends all that runs inside. */
const sandbox = [
  'unshare',
  '-Urnmp',
  '--fork',
  '--mount-proc',
  '--kill-child',
  'sh',
  '-c',
  'mount -t tmpfs tmpfs /run && exec "$@"',
  'sh',
];

const system = ([file = '', ...words]: readonly string[]) => execute(file, words);

async function works(argv: readonly string[]): Promise<boolean> {
  return system(argv).then(
    () => true,
    () => false,
  );
}

const userNamespaces = await works([...sandbox, 'true']);
const hasNft = await works(['nft', '--version']);
const hasIptables = (await works(['iptables', '--version'])) && (await works(['ip6tables', '--version']));

const noTool = (tool: 'nft' | 'iptables') => {
  if (tool === 'nft') return hasNft ? false : 'nft is not installed: apt-get install nftables';
  return hasIptables ? false : 'iptables is not installed: apt-get install iptables';
};
const noUsers = userNamespaces
  ? false
  : 'user namespaces are forbidden here (sysctl kernel.unprivileged_userns_clone, or AppArmor)';

after(async () => {
  if (!root) return;
  const { stdout } = await system(['ip', 'netns', 'list']);
  for (const line of stdout.split('\n')) {
    const name = line.split(' ')[0] ?? '';
    if (name.startsWith(`${prefix}-`)) await system(['ip', 'netns', 'delete', name]);
  }
});

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

for (const tool of ['nft', 'iptables'] as const) {
  test(
    `${tool} rules, the proxy known by its user`,
    { skip: noTool(tool) || (root ? false : 'needs root: uids are not mapped elsewhere') },
    async () => {
      assert.deepEqual(await play([], tool, 'uid'), expected);
    },
  );

  test(`${tool} rules in a user namespace, the proxy known by its mark`, { skip: noTool(tool) || noUsers }, async () => {
    assert.deepEqual(await play(sandbox, tool, 'mark'), expected);
  });
}

async function play(before: readonly string[], tool: string, knownBy: string): Promise<unknown> {
  const words = [process.execPath, '--disable-warning=ExperimentalWarning', scenario, tool, knownBy, `${prefix}-${tool}`];
  const { stdout } = await system([...before, ...words]);
  return JSON.parse(stdout);
}

// What the redirection tests share outside: where they can run, why not elsewhere, and that no namespace stays.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

const system = async ([file = '', ...words]: readonly string[]) => execute(file, words);

export const works = async (argv: readonly string[]): Promise<boolean> =>
  system(argv).then(
    () => true,
    () => false,
  );

/** Namespaces of this test process begin with it. */
export const prefix = `lt-${process.pid}`;

const root = process.getuid?.() === 0;

/** One user namespace with everything below it; its end ends all that runs inside. */
const sandbox = 'unshare -Urnmp --fork --mount-proc --kill-child'
  .split(' ')
  .concat('sh', '-c', 'mount -t tmpfs tmpfs /run && exec "$@"', 'sh');

const noIp = (await works(['ip', '-V'])) ? false : 'ip is not installed: apt-get install iproute2';

/** The two ways to run: as root with users, and in a user namespace with marks; `skip` says why not here. */
export const ways = [
  { knownBy: 'uid', before: [] as string[], skip: noIp || (root ? false : 'needs root: uids are not mapped elsewhere') },
  {
    knownBy: 'mark',
    before: sandbox,
    skip:
      noIp ||
      ((await works([...sandbox, 'true']))
        ? false
        : 'user namespaces are forbidden here (sysctl kernel.unprivileged_userns_clone, or AppArmor)'),
  },
] as const;

/** Runs a scenario and reads the JSON that it prints. */
export async function play(before: readonly string[], scenario: string, words: readonly string[]): Promise<unknown> {
  const { stdout } = await system([...before, process.execPath, '--disable-warning=ExperimentalWarning', scenario, ...words]);
  return JSON.parse(stdout);
}

/** Deletes what a scenario that was killed could not. */
export async function deleteNamespaces(): Promise<void> {
  if (!root || noIp !== false) return;
  const { stdout } = await system(['ip', 'netns', 'list']);
  for (const line of stdout.split('\n')) {
    const name = line.split(' ')[0] ?? '';
    if (name.startsWith(`${prefix}-`)) await system(['ip', 'netns', 'delete', name]);
  }
}

// Puts a capture set in place in a network namespace, by nft or else iptables. The one room here that acts; others print.

import { NodeError } from '../node-error.ts';
import { type IptablesHook, iptablesHooks, iptablesScript } from './iptables.ts';
import { nftablesScript } from './nftables.ts';
import type { CaptureSet } from './rules.ts';

export interface Ran {
  /** Exit code; not 0 where the program could not be started either. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end in the workload's network namespace, with the right to change it. May reject if there is no program. */
export type Run = (argv: readonly string[], stdin?: string) => Promise<Ran>;

export type RedirectTool = 'nft' | 'iptables';

export interface Applied {
  readonly tool: RedirectTool;
  /** False where the namespace has no IPv6: its rules are left out, or can never match. */
  readonly ipv6: boolean;
}

/** Makes the namespace capture exactly this set; an empty set takes every rule of ours away. Can be repeated. */
export async function applyCapture(set: CaptureSet, run: Run, wanted?: RedirectTool): Promise<Applied> {
  const tool = wanted ?? (await findTool(run));
  // 127.0.0.6 is an address of every loopback interface; its IPv6 twin is not until it is added.
  const ipv6 = (await attempt(run, ['ip', '-6', 'address', 'replace', '::6/128', 'dev', 'lo', 'nodad'])).code === 0;
  if (tool === 'nft') await demand(run, ['nft', '-f', '-'], nftablesScript(set));
  else {
    await restore(set, run, 4);
    if (ipv6) await restore(set, run, 6);
  }
  return { tool, ipv6 };
}

async function restore(set: CaptureSet, run: Run, family: 4 | 6): Promise<void> {
  const program = family === 4 ? 'iptables' : 'ip6tables';
  const hooked: IptablesHook[] = [];
  for (const hook of iptablesHooks) {
    const check = await attempt(run, [program, '-w', '-t', 'nat', '-C', hook.builtin, '-j', hook.chain]);
    if (check.code === 0) hooked.push(hook);
  }
  await demand(run, [`${program}-restore`, '-w', '--noflush'], iptablesScript(set, family, hooked));
}

/** Listing needs both the program and a kernel that knows it, so a tool that lists is a tool that works. */
async function findTool(run: Run): Promise<RedirectTool> {
  const nft = await attempt(run, ['nft', 'list', 'tables']);
  if (nft.code === 0) return 'nft';
  const iptables = await attempt(run, ['iptables', '-w', '-t', 'nat', '-S']);
  if (iptables.code === 0) return 'iptables';
  const said = [nft, iptables].map(({ stderr }) => stderr.trim().slice(0, 300)).filter((text) => text !== '');
  throw new NodeError(
    'LAT0806',
    `neither nft nor iptables works here: ${said.join('; ')}`,
    'install nftables (apt-get install nftables), and run as root or in a user namespace',
  );
}

async function attempt(run: Run, argv: readonly string[], stdin?: string): Promise<Ran> {
  try {
    return await run(argv, stdin);
  } catch (error) {
    return { code: 127, stdout: '', stderr: error instanceof Error ? error.message : String(error) };
  }
}

async function demand(run: Run, argv: readonly string[], stdin: string): Promise<void> {
  const { code, stderr } = await attempt(run, argv, stdin);
  if (code === 0) return;
  throw new NodeError(
    'LAT0807',
    `${argv.join(' ')} failed with code ${code}: ${stderr.trim().slice(0, 1000)}`,
    'check that the kernel has nat, redirect and owner or mark matching, and that CAP_NET_ADMIN is held in the namespace',
  );
}

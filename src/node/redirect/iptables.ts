// The same capture set for `iptables-restore --noflush` and `ip6tables-restore --noflush`, where nft is missing.

import type { Family } from './cidr.ts';
import type { CaptureSet, Chain, ChainName, Match, Owner, Rule, Verdict } from './rules.ts';

const chainNames: Readonly<Record<ChainName, string>> = {
  prerouting: 'LATEEN_PREROUTING',
  output: 'LATEEN_OUTPUT',
  inbound: 'LATEEN_INBOUND',
  'redirect-outbound': 'LATEEN_REDIRECT',
  'redirect-inbound': 'LATEEN_IN_REDIRECT',
};

/** The built-in chains and the one that each must jump to. */
export const iptablesHooks = [
  { builtin: 'PREROUTING', chain: chainNames.prerouting },
  { builtin: 'OUTPUT', chain: chainNames.output },
] as const;

export type IptablesHook = (typeof iptablesHooks)[number];

/**
 * The script for one family that makes our chains exactly this set (an empty set removes them). Declaring a chain empties
 * it, but a jump from a built-in chain would be added again each time: `hooked` says which jumps are there now.
 */
export function iptablesScript(set: CaptureSet, family: Family, hooked: readonly IptablesHook[]): string {
  const declared = Object.values(chainNames).map((name) => `:${name} - [0:0]`);
  const jumps = (hooks: readonly IptablesHook[], how: '-A' | '-D') =>
    hooks.map(({ builtin, chain }) => `${how} ${builtin} -j ${chain}`);
  const lines =
    set.length === 0
      ? [...jumps(hooked, '-D'), ...Object.values(chainNames).map((name) => `-X ${name}`)]
      : [
          ...set.flatMap((chain) => chainLines(chain, family)),
          ...jumps(
            iptablesHooks.filter((hook) => !hooked.includes(hook)),
            '-A',
          ),
        ];
  return `${['*nat', ...declared, ...lines, 'COMMIT'].join('\n')}\n`;
}

const chainLines = ({ name, rules }: Chain, family: Family): string[] =>
  rules
    .filter(({ match }) => [match.from, match.to, match.notTo].every((cidr) => cidr === undefined || cidr.family === family))
    .flatMap((rule) => ruleLines(rule).map((line) => `-A ${chainNames[name]} ${line}`));

/** Mostly one line; more where a list has more ports than `multiport` takes. */
function ruleLines({ match, verdict }: Rule): string[] {
  const groups = match.ports === undefined ? [undefined] : chunks(match.ports, 15);
  return groups.map((ports) => [...matchText({ ...match, ...(ports && { ports }) }), ...verdictText(verdict)].join(' '));
}

function matchText(match: Match): string[] {
  const { inInterface, outInterface, from, to, notTo, protocol, ports, notPorts, by, notBy } = match;
  const text: string[] = [];
  if (inInterface !== undefined) text.push('-i', inInterface);
  if (outInterface !== undefined) text.push('-o', outInterface);
  if (from !== undefined) text.push('-s', from.text);
  if (to !== undefined) text.push('-d', to.text);
  if (notTo !== undefined) text.push('!', '-d', notTo.text);
  if (protocol !== undefined) text.push('-p', protocol);
  if (ports !== undefined) text.push(...portText(ports, []));
  if (notPorts !== undefined) text.push(...portText(notPorts, ['!']));
  if (by !== undefined) text.push(...ownerText(by, []));
  if (notBy !== undefined) text.push(...ownerText(notBy, ['!']));
  return text;
}

const portText = (ports: readonly number[], not: readonly string[]): string[] =>
  ports.length === 1 ? [...not, '--dport', String(ports[0])] : ['-m', 'multiport', ...not, '--dports', ports.join(',')];

function ownerText(owner: Owner, not: readonly string[]): string[] {
  if ('uid' in owner) return ['-m', 'owner', ...not, '--uid-owner', String(owner.uid)];
  if ('gid' in owner) return ['-m', 'owner', ...not, '--gid-owner', String(owner.gid)];
  return ['-m', 'mark', ...not, '--mark', `0x${owner.mark.toString(16)}`];
}

function verdictText(verdict: Verdict): string[] {
  if (verdict.kind === 'return') return ['-j', 'RETURN'];
  return verdict.kind === 'jump' ? ['-j', chainNames[verdict.chain]] : ['-j', 'REDIRECT', '--to-ports', String(verdict.port)];
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  const parts: Item[][] = [];
  for (let start = 0; start < items.length; start += size) parts.push(items.slice(start, start + size));
  return parts;
}

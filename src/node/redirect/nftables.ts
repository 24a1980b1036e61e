// A capture set as an `nft -f -` script: one table for both families, put in place or taken away in one transaction.

import type { CaptureSet, Chain, Match, Owner, Rule, Verdict } from './rules.ts';

const table = 'inet lateen';

/** nft knows its name `dstnat` at prerouting only. */
const destinationNat = -100;

/**
 * The script that makes the table exactly this set, whatever was there before; an empty set removes it. The `add` before
 * the `delete` makes the first run work; nft applies the whole script or nothing.
 */
export function nftablesScript(set: CaptureSet): string {
  const renewed = [`add table ${table}`, `delete table ${table}`];
  if (set.length === 0) return `${renewed.join('\n')}\n`;
  return `${[...renewed, `table ${table} {`, ...set.flatMap(chainText), '}'].join('\n')}\n`;
}

function chainText({ name, hook, rules }: Chain): string[] {
  const type = hook === undefined ? [] : [`    type nat hook ${hook} priority ${destinationNat}; policy accept;`];
  return [`  chain ${name} {`, ...type, ...rules.map((rule) => `    ${ruleText(rule)}`), '  }'];
}

function ruleText({ match, verdict, why }: Rule): string {
  return [...matchText(match), verdictText(verdict), `comment "${why}"`].join(' ');
}

function matchText(match: Match): string[] {
  const { inInterface, outInterface, from, to, notTo, protocol, ports, notPorts, by, notBy } = match;
  const address = (family: 4 | 6) => (family === 4 ? 'ip' : 'ip6');
  const text: string[] = [];
  if (inInterface !== undefined) text.push(`iifname "${wildcard(inInterface)}"`);
  if (outInterface !== undefined) text.push(`oifname "${wildcard(outInterface)}"`);
  if (from !== undefined) text.push(`${address(from.family)} saddr ${from.text}`);
  if (to !== undefined) text.push(`${address(to.family)} daddr ${to.text}`);
  if (notTo !== undefined) text.push(`${address(notTo.family)} daddr != ${notTo.text}`);
  if (protocol !== undefined && ports === undefined && notPorts === undefined) text.push(`meta l4proto ${protocol}`);
  if (protocol !== undefined && ports !== undefined) text.push(`${protocol} dport ${portSet(ports)}`);
  if (protocol !== undefined && notPorts !== undefined) text.push(`${protocol} dport != ${portSet(notPorts)}`);
  if (by !== undefined) text.push(ownerText(by, ''));
  if (notBy !== undefined) text.push(ownerText(notBy, '!= '));
  return text;
}

const portSet = (ports: readonly number[]): string => (ports.length === 1 ? String(ports[0]) : `{ ${ports.join(', ')} }`);

const wildcard = (name: string): string => (name.endsWith('+') ? `${name.slice(0, -1)}*` : name);

function ownerText(owner: Owner, not: '' | '!= '): string {
  if ('uid' in owner) return `meta skuid ${not}${owner.uid}`;
  if ('gid' in owner) return `meta skgid ${not}${owner.gid}`;
  return `meta mark ${not}0x${owner.mark.toString(16)}`;
}

function verdictText(verdict: Verdict): string {
  if (verdict.kind === 'return') return 'return';
  return verdict.kind === 'jump' ? `jump ${verdict.chain}` : `redirect to :${verdict.port}`;
}

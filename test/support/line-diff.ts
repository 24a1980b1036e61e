// A readable difference of two texts, line by line, with a little of what stands around each change.

import { diff } from 'node:util';

const around = 3;

/** Changed lines with `-` and `+`, unchanged ones near them with a space, `…` for the rest. */
export function lineDiff(before: string, after: string): string {
  const lines = diff(before.split('\n'), after.split('\n')).map(([kind, text]) => ({ kind, text }));
  // The function says what leads from its second argument to its first.
  const sign = (kind: number): string => (kind === 0 ? ' ' : kind < 0 ? '+' : '-');
  const near = new Set<number>();
  for (const [index, { kind }] of lines.entries()) {
    if (kind !== 0) for (let at = index - around; at <= index + around; at++) near.add(at);
  }
  const shown: string[] = [];
  for (const [index, { kind, text }] of lines.entries()) {
    if (near.has(index)) shown.push(`${sign(kind)} ${text}`);
    else if (shown.at(-1) !== '…') shown.push('…');
  }
  return shown.join('\n');
}

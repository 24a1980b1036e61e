// Plain tables, as kubectl draws them: upper-case heads, columns as wide as their widest cell, no lines.

export interface TableOptions {
  readonly headers?: boolean;
  /** How wide a line may be: longer cells end in `…`. Without it all of them are whole. */
  readonly columns?: number | undefined;
}

export function tableText(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { headers = true, columns }: TableOptions = {},
): string {
  const all = [...(headers ? [head.map((name) => name.toUpperCase())] : []), ...rows.map((row) => row.map(cell))];
  const whole = head.map((_, column) => all.reduce((widest, row) => Math.max(widest, width(row[column] ?? '')), 0));
  const widths = columns === undefined ? whole : fitted(whole, columns);
  return all
    .map((row) =>
      widths
        .map((size, column) => pad(row[column] ?? '', size))
        .join(gap)
        .trimEnd(),
    )
    .join('\n');
}

/** A cell is one line, and never empty: columns must be countable. */
const cell = (text: string): string => (text === '' ? '-' : text.replaceAll(/\s*\n\s*/g, ' '));

// eslint-disable-next-line no-control-regex -- colour codes take no room
const escapes = /\u001B\[[0-9;]*m/g;
const width = (text: string): number => Array.from(text.replaceAll(escapes, '')).length;

/** Text that is too long is cut; colour is for what is short. */
function pad(text: string, size: number): string {
  const length = width(text);
  return length > size
    ? `${Array.from(text)
        .slice(0, size - 1)
        .join('')}…`
    : text + ' '.repeat(size - length);
}

const gap = '   ';

/** Columns are not cut to less than this. */
const narrowest = 12;

/** The widest columns give way first, until a line fits or nothing can give way any more. */
function fitted(widths: readonly number[], columns: number): number[] {
  const fit = [...widths];
  let over = fit.reduce((sum, size) => sum + size, 0) + gap.length * (fit.length - 1) - columns;
  while (over > 0) {
    const [widest = 0, next = 0] = [...new Set(fit)].sort((a, b) => b - a);
    if (widest <= narrowest) break;
    const same = fit.flatMap((size, index) => (size === widest ? [index] : []));
    const step = Math.min(widest - Math.max(next, narrowest), Math.ceil(over / same.length));
    for (const index of same) fit[index] = widest - step;
    over -= step * same.length;
  }
  return fit;
}

/** How long ago, as kubectl says it: `45s`, `12m`, `3h20m`, `5d`. */
export function age(from: string | undefined, now: Date): string {
  const seconds = Math.floor((now.getTime() - Date.parse(from ?? '')) / 1000);
  return Number.isNaN(seconds) ? '' : span(Math.max(0, seconds));
}

/** A length of time in the two units that matter. */
export function span(seconds: number): string {
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 10) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  return `${Math.floor(hours / 24)}d`;
}

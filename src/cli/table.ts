// Plain tables, as kubectl draws them: upper-case heads, columns as wide as their widest cell, no lines.

export interface TableOptions {
  readonly headers?: boolean;
}

export function tableText(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { headers = true }: TableOptions = {},
): string {
  const all = [...(headers ? [head.map((name) => name.toUpperCase())] : []), ...rows.map((row) => row.map(cell))];
  const widths = head.map((_, column) => Math.max(0, ...all.map((row) => width(row[column] ?? ''))));
  return all
    .map((row) =>
      widths
        .map((size, column) => pad(row[column] ?? '', size))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

/** A cell is one line, and never empty: columns must be countable. */
const cell = (text: string): string => (text === '' ? '-' : text.replaceAll(/\s*\n\s*/g, ' '));

// eslint-disable-next-line no-control-regex -- colour codes take no room
const escapes = /\u001B\[[0-9;]*m/g;
const width = (text: string): number => Array.from(text.replaceAll(escapes, '')).length;
const pad = (text: string, size: number): string => text + ' '.repeat(Math.max(0, size - width(text)));

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

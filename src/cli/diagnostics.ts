// Diagnostics for people: one line each, coloured by severity, with a last line that counts them.

import type { DiagnosticJson } from '../control/api/contract.ts';
import type { Style, Terminal } from './terminal.ts';

const styles: Readonly<Record<DiagnosticJson['severity'], Style>> = { error: 'red', warning: 'yellow', info: 'dim' };

type Line = Pick<DiagnosticJson, 'severity' | 'text'>;

export function noteDiagnostics(terminal: Terminal, diagnostics: readonly Line[]): void {
  for (const { severity, text } of diagnostics) {
    terminal.note(text.replace(` ${severity} `, ` ${terminal.style(styles[severity], severity)} `));
  }
}

/** `2 errors, 1 warning`; empty when there are none. */
export function countText(counts: { readonly error: number; readonly warning: number; readonly info?: number }): string {
  const part = (count: number, word: string): string[] => (count === 0 ? [] : [`${count} ${word}${count === 1 ? '' : 's'}`]);
  return [...part(counts.error, 'error'), ...part(counts.warning, 'warning')].join(', ');
}

export function count(diagnostics: readonly Pick<Line, 'severity'>[]): { error: number; warning: number; info: number } {
  const counts = { error: 0, warning: 0, info: 0 };
  for (const { severity } of diagnostics) counts[severity]++;
  return counts;
}

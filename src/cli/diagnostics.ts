// Diagnostics for people: one line each, coloured by severity, with a last line that counts them.

import { diagnosticText, type Diagnostic } from '../api/diagnostic.ts';
import type { DiagnosticJson } from '../control/api/contract.ts';
import type { Style, Terminal } from './terminal.ts';

const styles: Readonly<Record<DiagnosticJson['severity'], Style>> = { error: 'red', warning: 'yellow', info: 'dim' };

type Line = Pick<DiagnosticJson, 'severity' | 'text'>;

export function noteDiagnostics(terminal: Terminal, diagnostics: readonly Line[]): void {
  for (const { severity, text } of diagnostics) {
    terminal.note(text.replace(` ${severity} `, ` ${terminal.style(styles[severity], severity)} `));
  }
}

/** More than this before an answer would hide it. */
const mostErrors = 8;

/** What is wrong for certain, of manifests that a verb goes on with all the same. */
export function noteErrors(terminal: Terminal, diagnostics: readonly Diagnostic[]): void {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  const shown = errors.slice(0, errors.length > mostErrors + 1 ? mostErrors : errors.length);
  noteDiagnostics(
    terminal,
    shown.map((each) => ({ severity: each.severity, text: diagnosticText(each) })),
  );
  if (shown.length < errors.length)
    terminal.note(`and ${errors.length - shown.length} more errors; lateen validate shows all of them`);
}

const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

/** `2 errors, 1 warning, 1 note`; empty when there are none. Without `info` notes are not counted. */
export function countText(counts: { readonly error: number; readonly warning: number; readonly info?: number }): string {
  const { error, warning, info = 0 } = counts;
  const parts: readonly (readonly [number, string])[] = [
    [error, 'error'],
    [warning, 'warning'],
    [info, 'note'],
  ];
  return parts.flatMap(([count, word]) => (count === 0 ? [] : [counted(count, word)])).join(', ');
}

/** `3 objects read: 1 error`. */
export function readText(documents: number, counts: { error: number; warning: number; info: number }): string {
  const found = countText(counts);
  const valid = counts.error === 0 && counts.warning === 0;
  return `${counted(documents, 'object')} read: ${[...(valid ? ['all valid'] : []), ...(found === '' ? [] : [found])].join(', ')}`;
}

export function count(diagnostics: readonly Pick<Line, 'severity'>[]): { error: number; warning: number; info: number } {
  const counts = { error: 0, warning: 0, info: 0 };
  for (const { severity } of diagnostics) counts[severity]++;
  return counts;
}

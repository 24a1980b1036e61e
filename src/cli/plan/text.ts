// A plan as people read it: the objects that change, then for whom what changes, with the line that makes it so.

import { diagnosticText } from '../../api/diagnostic.ts';
import type { StepOrigin } from '../../explain/explanation.ts';
import type { Change, ChangeLine, Plan, PlanGroup } from '../../explain/plan/plan.ts';
import type { Style, Terminal } from '../terminal.ts';

const styles: Readonly<Record<ChangeLine['sign'], Style>> = { '+': 'green', '-': 'red', '~': 'yellow' };
const signs = { created: '+', changed: '~', deleted: '-' } as const;

export function printPlan(plan: Plan, terminal: Terminal, wide: boolean): void {
  const { objects, settings, groups, unchanged, diagnostics } = plan;
  if (objects.length === 0) terminal.line('No object changes.');
  for (const { object, change, place } of objects) {
    const sign = signs[change];
    terminal.line(
      `${terminal.style(styles[sign], sign)} ${object} ${change}${place === undefined ? '' : `  ${terminal.style('dim', place)}`}`,
    );
  }
  for (const { of, path, before, after } of settings) {
    const text = `${of} ${path} ${before || 'none'} → ${after || 'none'}`;
    terminal.line(`${terminal.style('yellow', '~')} ${text}`);
  }
  for (const group of groups) printGroup(group, terminal, wide);
  terminal.line();
  terminal.line(summary(groups, unchanged));
  printDiagnostics(diagnostics, terminal);
}

function printGroup({ workloads, changes }: PlanGroup, terminal: Terminal, wide: boolean): void {
  terminal.line();
  terminal.line(terminal.style('bold', workloadsText(workloads, wide)));
  for (const change of changes) printChange(change, terminal, wide);
}

/** A few names, and how many more. */
function workloadsText(names: readonly string[], wide: boolean): string {
  const shown = wide ? names : names.slice(0, 4);
  return `${shown.join(', ')}${names.length > shown.length ? ` and ${names.length - shown.length} more` : ''}`;
}

const titles: Readonly<Record<Change['part'], string>> = {
  requests: 'requests for',
  connections: 'connections at',
  destination: 'destination',
  endpoints: 'endpoints of',
  secret: 'secret',
};

function printChange({ part, subject, change, lines }: Change, terminal: Terminal, wide: boolean): void {
  terminal.line(`  ${titles[part]} ${subject}${change === 'changed' ? '' : ` ${change}`}`);
  const shown = wide ? lines : lines.slice(0, mostLines);
  for (const { sign, text, origins } of shown) {
    // What the title says already.
    if (text === subject) continue;
    terminal.line(`    ${terminal.style(styles[sign], sign)} ${text}${originText(text, origins, terminal)}`);
  }
  if (lines.length > shown.length) terminal.line(`    and ${lines.length - shown.length} more (-o wide)`);
}

const mostLines = 12;

function originText(text: string, [origin]: readonly StepOrigin[], terminal: Terminal): string {
  if (origin === undefined) return '';
  const { object, path, place = '' } = origin;
  const words = (text.includes(object) ? [place] : [object, path, place]).filter((part) => part !== '');
  return words.length === 0 ? '' : `  ${terminal.style('dim', words.join(' '))}`;
}

function summary(groups: readonly PlanGroup[], unchanged: number): string {
  const changed = new Set(groups.flatMap(({ workloads }) => workloads)).size;
  const words = (count: number): string => `${count} workload${count === 1 ? '' : 's'}`;
  return changed === 0
    ? `Nothing changes for any of ${words(unchanged)}.`
    : `${words(changed)} change${changed === 1 ? 's' : ''}, ${unchanged} ${unchanged === 1 ? 'does' : 'do'} not.`;
}

function printDiagnostics({ appear, disappear }: Plan['diagnostics'], terminal: Terminal): void {
  if (appear.length > 0) terminal.line('\nWith the change:');
  for (const each of appear) terminal.line(`  ${diagnosticText(each)}`);
  if (disappear.length > 0) terminal.line('\nNo more:');
  for (const each of disappear) terminal.line(`  ${diagnosticText(each)}`);
}

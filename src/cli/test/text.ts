// Results as people read them: failures with what was expected and what came, then the rules that nothing went through, then the sum.

import type { Terminal } from '../terminal.ts';
import type { TestReport, TestResult } from './results.ts';

export interface Shown {
  /** Tests that pass, too. */
  readonly verbose: boolean;
  /** The rules that no test went through, one by one. */
  readonly coverage: boolean;
  /** Where the manifests are, for commands. */
  readonly files: readonly string[];
}

export function printReport({ results, coverage }: TestReport, terminal: Terminal, shown: Shown): void {
  for (const result of results) printResult(result, terminal, shown);
  const { rules, missed } = coverage;
  if (shown.coverage && missed.length > 0) {
    terminal.line('Rules that no test went through:');
    for (const { object, path, place } of missed)
      terminal.line(`  ${object} ${path}${place === undefined ? '' : `  ${terminal.style('dim', place)}`}`);
    terminal.line();
  }
  const failed = results.filter(({ failures }) => failures.length > 0).length;
  const passed = `${results.length - failed} passed`;
  const sum = failed === 0 ? terminal.style('green', passed) : `${terminal.style('red', `${failed} failed`)}, ${passed}`;
  const went =
    rules === 0
      ? ''
      : `; ${rules - missed.length} of ${rules} rules had a request${shown.coverage || missed.length === 0 ? '' : ' (--coverage names the others)'}`;
  terminal.line(`${sum}${went}`);
}

function printResult({ name, file, line, failures, command }: TestResult, terminal: Terminal, { verbose, files }: Shown): void {
  if (failures.length === 0) {
    if (verbose) terminal.line(`${terminal.style('green', 'ok')}    ${name}`);
    return;
  }
  terminal.line(
    `${terminal.style('red', 'FAIL')}  ${name}  ${terminal.style('dim', line === undefined ? file : `${file}:${line}`)}`,
  );
  for (const failure of failures) terminal.line(`      ${failure}`);
  if (command !== '')
    terminal.line(terminal.style('dim', `      lateen why ${files.map((path) => `-f ${path} `).join('')}${command}`));
  terminal.line();
}

// A replay as people read it: how many requests would be answered differently, in what, and examples that `lateen why ID` follows.

import type { StepOrigin } from '../../../explain/explanation.ts';
import type { AnswerDifference, DifferenceKind } from '../../../explain/replay/differences.ts';
import type { Replay, ReplayDifference, ReplayExample, ReplayGroup } from '../../../explain/replay/replay.ts';
import type { Terminal } from '../../terminal.ts';

export interface Showing {
  /** Of each difference. */
  readonly examples: number;
  /** All of long lists. */
  readonly wide: boolean;
}

const kindWords: Readonly<Record<DifferenceKind, string>> = {
  destination: 'sent elsewhere',
  subset: 'sent to another subset',
  share: 'sent in other shares',
  servers: 'served by others',
  transport: 'TLS or plaintext',
  verdict: 'let through, refused or answered',
  timeout: 'other timeout',
  retries: 'other retries',
  request: 'request changed on its way',
  response: 'response changed',
  mirror: 'copied',
  fault: 'fault injected',
};

/** The words before what it is, and those for none. */
const subjects: Readonly<Partial<Record<DifferenceKind, readonly [some: string, none: string]>>> = {
  destination: ['to ', 'nowhere'],
  subset: ['to ', 'nowhere'],
  share: ['to ', 'nowhere'],
  servers: ['served by ', 'served by nobody'],
  transport: ['over ', 'over nothing'],
  request: ['request: ', 'request as it comes'],
  response: ['response: ', 'response as it comes'],
  mirror: ['a copy to ', 'no copy'],
  fault: ['', 'no fault'],
};

const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

export function printReplay(replay: Replay, terminal: Terminal, showing: Showing): void {
  const { recorded, unrecorded, replayed, different, same, sameByAnotherRule, undecided, kinds, differences } = replay;
  terminal.line();
  terminal.line(terminal.style('bold', `Replay of ${counted(recorded, 'recorded request')}`));
  const rows: readonly (readonly [number, string])[] = [
    [different, 'answered differently'],
    [undecided, 'undecided: it hangs on what is not recorded'],
    [same, 'answered the same'],
    [sameByAnotherRule, 'answered the same, by another rule'],
    [recorded - replayed, 'not replayed'],
  ];
  const width = String(recorded).length;
  for (const [count, words] of rows) {
    if (count > 0 || words === 'answered differently') terminal.line(`  ${String(count).padStart(width)} ${words}`);
    if (words === 'answered differently')
      for (const { kind, requests } of kinds) terminal.line(`  ${' '.repeat(width)}   ${requests} ${kindWords[kind]}`);
  }
  if (unrecorded > 0) terminal.line(`About ${unrecorded} more went well and were not recorded: these stand for them.`);
  const shown = showing.wide ? differences : differences.slice(0, mostGroups);
  for (const each of shown) printDifference(each, terminal, showing);
  if (differences.length > shown.length) terminal.line(`\nand ${differences.length - shown.length} more differences (-o wide)`);
  printGroups('Undecided', replay.undecidedBy, terminal, showing);
  printGroups('Not replayed', replay.notReplayed, terminal, showing);
  if (replay.answeredOtherwise !== undefined) {
    terminal.line();
    const { requests, examples } = replay.answeredOtherwise;
    terminal.line(
      `${counted(requests, 'request')} got another answer than this mesh gives before the change: it was another mesh then.`,
    );
    printExamples(examples, terminal, showing);
  }
}

const mostGroups = 12;

function printDifference({ in: differences, requests, examples }: ReplayDifference, terminal: Terminal, showing: Showing): void {
  terminal.line();
  terminal.line(counted(requests, 'request'));
  for (const each of differences) printSides(each, terminal);
  printExamples(examples, terminal, showing);
}

function printSides({ kind, before, after, beforeOrigins, afterOrigins }: AnswerDifference, terminal: Terminal): void {
  const [some, none] = subjects[kind] ?? ['', 'none'];
  const words = (text: string): string => (text === '' ? none : `${some}${text}`);
  const side = (sign: '-' | '+', text: string, origins: readonly StepOrigin[]): string =>
    `  ${terminal.style(sign === '-' ? 'red' : 'green', sign)} ${words(text)}${originText(origins, terminal)}`;
  terminal.line(side('-', before, beforeOrigins));
  terminal.line(side('+', after, afterOrigins));
}

function originText([origin]: readonly StepOrigin[], terminal: Terminal): string {
  if (origin === undefined) return '';
  const words = [origin.object, origin.path, origin.place ?? ''].filter((part) => part !== '');
  return `  ${terminal.style('dim', words.join(' '))}`;
}

function printGroups(title: string, groups: readonly ReplayGroup[], terminal: Terminal, showing: Showing): void {
  if (groups.length === 0) return;
  terminal.line();
  terminal.line(terminal.style('bold', title));
  const shown = showing.wide ? groups : groups.slice(0, mostGroups);
  for (const { why, requests, examples } of shown) {
    terminal.line(`  ${counted(requests, 'request')}: ${why}`);
    printExamples(examples, terminal, { ...showing, examples: Math.min(1, showing.examples) });
  }
  if (groups.length > shown.length) terminal.line(`  and ${groups.length - shown.length} more reasons (-o wide)`);
}

/** The beginning of an id, as `lateen requests` shows it, is enough for `lateen why`. */
const shortId = 8;

function printExamples(examples: readonly ReplayExample[], terminal: Terminal, { examples: most }: Showing): void {
  for (const { id, time, caller, request, count } of examples.slice(0, most)) {
    const times = count === 1 ? '' : `  ${count} times`;
    const name = /^(?:tcp|http)-/.test(id) ? id : id.slice(0, shortId);
    terminal.line(`    ${terminal.style('dim', time.slice(11, 23))}  ${caller}  ${request}  ${name}${times}`);
  }
}

// A guide as a test reads it: the files that it has its reader write, and the commands with what they print. Written anew on request.

/** One thing that a reader does, in order. */
export type Step =
  | { readonly is: 'file'; readonly name: string; readonly text: string }
  | {
      readonly is: 'command';
      readonly command: string;
      readonly expected: string;
      /** Numbers in the output are other ones each time. */
      readonly varies: boolean;
      /** The line of the command in the guide, from 1. */
      readonly line: number;
    };

const fence = /^```(\S*) ?(.*)$/;

/**
 * Reads fenced blocks: "yaml file=NAME" is a file; "console" has lines `$ COMMAND`, each with its output below it ("console varies":
 * numbers differ). Commands may go on over lines that end with a backslash. Other blocks are for the eye only.
 */
export function guideSteps(text: string): Step[] {
  const steps: Step[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const [, language = '', words = ''] = fence.exec(lines[at] ?? '') ?? [];
    if (language === '') continue;
    const end = lines.indexOf('```', at + 1);
    if (end < 0) throw new Error(`line ${at + 1}: the block is not closed`);
    const name = /^file=(\S+)$/.exec(words)?.[1];
    if (name !== undefined) steps.push({ is: 'file', name, text: `${lines.slice(at + 1, end).join('\n')}\n` });
    if (language === 'console') steps.push(...commandsOf(lines, at + 1, end, words === 'varies'));
    at = end;
  }
  return steps;
}

function commandsOf(lines: readonly string[], from: number, to: number, varies: boolean): Step[] {
  const steps: Step[] = [];
  let at = from;
  while (at < to) {
    const line = at + 1;
    let command = (lines[at] ?? '').replace(/^\$ /, '');
    while (command.endsWith('\\') && at + 1 < to) command += `\n${lines[++at] ?? ''}`;
    at++;
    const output: string[] = [];
    while (at < to && !(lines[at] ?? '').startsWith('$ ')) output.push(lines[at++] ?? '');
    steps.push({ is: 'command', command, expected: output.join('\n'), varies, line });
  }
  return steps;
}

/** Whether a command printed what its guide says. */
export function isAsSaid(step: Extract<Step, { is: 'command' }>, printed: string): boolean {
  const loose = (text: string) => (step.varies ? text.replaceAll(/\d+(\.\d+)?/g, 'N').replaceAll(/ +/g, ' ') : text);
  return loose(printed.trimEnd()) === loose(step.expected.trimEnd());
}

/** The guide with other outputs, in the order of its commands. */
export function withOutputs(text: string, outputs: readonly string[]): string {
  const commands = guideSteps(text).flatMap((step) => (step.is === 'command' ? [step] : []));
  const lines = text.split('\n');
  for (const [index, step] of [...commands.entries()].toReversed()) {
    const first = step.line - 1 + step.command.split('\n').length;
    const said = step.expected === '' ? 0 : step.expected.split('\n').length;
    const printed = (outputs[index] ?? '').trimEnd();
    lines.splice(first, said, ...(printed === '' ? [] : printed.split('\n')));
  }
  return lines.join('\n');
}

// `lateen why REQUEST-ID`: a request that happened, told from the records of both proxies; each hop where its id was handed on.

import type { HappenedAnswer, HappenedHop } from '../../control/api/contract.ts';
import { originWords } from '../../explain/origins.ts';
import { connect } from '../client.ts';
import { requestText } from '../request-output.ts';
import { exitCode } from '../failure.ts';
import { isStructured, printStructured } from '../structured.ts';
import type { Terminal } from '../terminal.ts';
import type { OnlineOptions } from '../verb.ts';

interface HappenedOptions extends OnlineOptions {
  readonly fail?: boolean;
  readonly output: string;
}

/** Prints it, as text, JSON or YAML; throws a `Failure` where no request, or more than one, has such an id. */
export async function whyHappened(id: string, options: HappenedOptions, terminal: Terminal): Promise<number> {
  const answer = await connect(options).get<HappenedAnswer>('/v1/happened', { id });
  if (isStructured(options.output)) await printStructured(answer, options.output, terminal);
  else terminal.line(answer.hops.map((hop) => hopText(hop, terminal)).join('\n\n'));
  return options.fail === true && answer.hops.some(({ row }) => row.failed) ? exitCode.failed : exitCode.ok;
}

function hopText({ row, steps, cause }: HappenedHop, { style }: Pick<Terminal, 'style'>): string {
  return [
    style('bold', requestText(row)),
    `${row.from} → ${row.to}   ${row.time}   ${row.id}`,
    '',
    ...steps.flatMap(({ text, origins }) => [
      `  ${text}`,
      ...origins.map((origin) => style('dim', `      ${originWords(origin)}`)),
    ]),
    ...(cause === undefined
      ? []
      : [
          '',
          `${style('bold', 'why')}  ${cause.says}`,
          ...cause.origins.map((origin) => style('dim', `     ${originWords(origin)}`)),
          `${style('bold', 'fix')}  ${cause.fix}`,
          ...(cause.considered.length === 0 ? [] : ['', 'considered:', ...cause.considered.map((line) => `  ${line}`)]),
          ...(cause.evidence.length === 0 ? [] : ['', 'in Envoy’s words:', ...cause.evidence.map((line) => `  ${line}`)]),
        ]),
  ].join('\n');
}

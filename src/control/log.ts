// Structured logs: JSON lines by pino, or one readable line each on a terminal. Secrets never reach either.

import { destination, pino, type Logger } from 'pino';
import { styleText } from 'node:util';
import { errorText } from '../api/coded-error.ts';

export type { Logger };

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
type LogLevel = (typeof logLevels)[number];

/** Fields that hold secrets wherever they stand; private keys and tokens besides travel as SecretText, which prints `[redacted]`. */
const secretFields = [
  'key',
  'privateKey',
  'private_key',
  'token',
  'authorization',
  'password',
  'data',
  'stringData',
  'inlineBytes',
  'inlineString',
];

export interface LogOptions {
  readonly level: LogLevel;
  /** One readable line per entry. */
  readonly pretty: boolean;
  /** Where lines go; standard error unless told. */
  readonly write?: (line: string) => void;
}

export function createLog({ level, pretty, write }: LogOptions): Logger {
  const stderr = destination({ fd: 2, sync: true });
  const out = write ?? ((line: string) => void stderr.write(line));
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: '[redacted]' },
    },
    { write: pretty ? (line: string) => out(prettyLine(line)) : out },
  );
}

const styles = { trace: 'dim', debug: 'dim', info: 'cyan', warn: 'yellow', error: 'red', fatal: 'red' } as const;

/** `12:00:01 info  xds: proxy connected id=… class=…` */
export function prettyLine(line: string): string {
  const { level = 'info', time = '', msg = '', room, err, ...fields } = JSON.parse(line) as Readonly<Record<string, unknown>>;
  const word = String(level);
  const style = styles[word as keyof typeof styles] ?? 'cyan';
  const more = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const problem = err === undefined ? [] : [errorText(err)];
  const text = [`${typeof room === 'string' ? `${room}: ` : ''}${String(msg)}`, ...problem, ...more].join(' ');
  return `${String(time).slice(11, 19)} ${styleText(style, word.padEnd(5), { stream: process.stderr })} ${text}\n`;
}

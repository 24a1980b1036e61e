// The levels of an Envoy's loggers, read and set over its admin interface.

import { nearest } from '../../api/suggestion.ts';
import { Failure, usageFailure } from '../failure.ts';

type Ask = (path: string) => Promise<{ readonly status: number; readonly body: string }>;

const levels = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'];

/** `debug`, `http:debug`, `http:debug,rbac:trace`: sets them one after another. Gives the level of each logger then. */
export async function logLevels(wanted: string | undefined, ask: Ask): Promise<Readonly<Record<string, string>>> {
  const changes = (wanted?.split(',') ?? []).map(changeOf);
  const known = loggersOf((await ask('/logging')).body);
  for (const { logger } of changes) {
    if (logger === undefined || logger in known) continue;
    const meant = nearest(logger, new Set(Object.keys(known)));
    throw new Failure(
      `Envoy has no logger ${logger}`,
      meant === undefined ? 'lateen proxy WORKLOAD log lists them' : `did you mean ${meant}?`,
    );
  }
  let found = known;
  for (const { logger = 'level', level } of changes) {
    const { status, body } = await ask(`/logging?${logger}=${level}`);
    if (status >= 400 || body.startsWith('error:')) throw new Failure(body.trim(), 'lateen proxy WORKLOAD log lists its loggers');
    found = loggersOf(body);
  }
  return found;
}

interface LevelChange {
  /** All of them, if undefined. */
  readonly logger: string | undefined;
  readonly level: string;
}

function changeOf(text: string): LevelChange {
  const [, logger, word = ''] = /^(?:([\w-]+):)?(\w+)$/.exec(text.trim()) ?? [];
  const level = word === 'warn' ? 'warning' : word;
  if (!levels.includes(level)) throw usageFailure(`${text} is not a level`, `use ${levels.join(', ')}, or LOGGER:LEVEL`);
  return { logger, level };
}

/** Envoy lists one logger a line, after a head. */
const loggersOf = (body: string): Record<string, string> =>
  Object.fromEntries([...body.matchAll(/^\s+([\w-]+): (\w+)$/gm)].map(([, logger = '', level = '']) => [logger, level]));

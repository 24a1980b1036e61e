// What a verb tells a program: the same value as JSON or YAML.

import type { Terminal } from './terminal.ts';

export const isStructured = (format: string): format is 'json' | 'yaml' => format === 'json' || format === 'yaml';

/** What JSON cannot hold is in neither. */
export async function printStructured(value: unknown, format: 'json' | 'yaml', terminal: Terminal): Promise<void> {
  const json = JSON.stringify(value, null, 2);
  if (format === 'json') {
    terminal.line(json);
    return;
  }
  const [{ stringify }, { writeOptions }] = await Promise.all([import('yaml'), import('../sources/yaml-scalars.ts')]);
  terminal.write(stringify(JSON.parse(json), writeOptions));
}

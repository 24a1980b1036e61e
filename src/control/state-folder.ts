// The state folder: the one place where a mesh keeps its objects, keys and sockets. Shared by control, local/ and every online verb.

import { accessSync, chmodSync, constants, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { ControlError } from './control-error.ts';

export interface StateFolder {
  readonly path: string;
  /** The embedded store. */
  readonly database: string;
  /** The Unix socket of the write API. */
  readonly apiSocket: string;
}

/** Linux' limit on a Unix socket's path, without its closing zero. */
const longestSocketPath = 107;
const marker = '.lateen-state';

/** `--state`, else `$XDG_STATE_HOME/lateen`, else `~/.local/state/lateen`. Only names it. */
export function stateFolder(given: string | undefined, env: Readonly<Record<string, string | undefined>>): StateFolder {
  const stateHome = env['XDG_STATE_HOME'];
  // The XDG specification: a relative path there is to be ignored.
  const home = stateHome !== undefined && isAbsolute(stateHome) ? stateHome : join(homedir(), '.local/state');
  const path = given === undefined ? join(home, 'lateen') : resolve(given);
  return { path, database: join(path, 'objects.db'), apiSocket: join(path, 'api.sock') };
}

/** Makes the folder with mode 0700, or checks that an existing one is ours. Throws `ControlError`. */
export function openStateFolder(folder: StateFolder): void {
  const { path, apiSocket } = folder;
  if (Buffer.byteLength(apiSocket) > longestSocketPath) {
    throw new ControlError(
      'LAT0901',
      `the path of the state folder is too long for a socket in it: ${path}`,
      'give a shorter --state',
    );
  }
  try {
    const existed = mkdirSync(path, { recursive: true, mode: 0o700 }) === undefined;
    if (existed) checkOurs(path);
    accessSync(path, constants.W_OK);
    writeFileSync(join(path, marker), '', { mode: 0o600 });
  } catch (error) {
    if (error instanceof ControlError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ControlError(
      'LAT0901',
      `the state folder ${path} cannot be used: ${reason}`,
      'give another one with --state',
      error,
    );
  }
}

function checkOurs(path: string): void {
  const { uid, mode } = statSync(path);
  const mine = process.getuid?.();
  if (mine !== undefined && uid !== mine) {
    throw new ControlError('LAT0901', `the state folder ${path} belongs to another user`, 'give one of your own with --state');
  }
  if ((mode & 0o077) === 0) return;
  const names = readdirSync(path);
  if (names.length > 0 && !names.includes(marker)) {
    throw new ControlError(
      'LAT0901',
      `${path} is open to other users and holds something that is not Lateen's`,
      `give an empty folder with --state, or chmod 700 ${path} if it is meant`,
    );
  }
  chmodSync(path, 0o700);
}

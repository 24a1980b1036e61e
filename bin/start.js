// The first file of every `lateen` command: keeps compiled code between runs, before any TypeScript is read. Without it a third of a
// short command goes into reading its own source; switched on later, Node would load its TypeScript compiler for the first files.

import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

enableCompileCache(join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lateen/code'));

await import('../src/cli/main.ts');

// A control plane that answers what it is told to, at the socket of a state folder of its own: for tests of what verbs make of answers.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stateFolder } from '../../src/control/state-folder.ts';

export interface FakeControl extends AsyncDisposable {
  /** For `--state`. */
  readonly state: string;
  /** What was asked, with queries and in order: `GET /v1/objects?kinds=vs`. */
  readonly asked: readonly string[];
}

/** `answers`: JSON by `GET /v1/version`; a function is given the query; `never`: it keeps the caller waiting. What is not there is refused. */
export async function fakeControl(
  answers: Readonly<Record<string, object | ((query: URLSearchParams) => object) | 'never'>>,
): Promise<FakeControl> {
  const state = mkdtempSync(join(tmpdir(), 'lateen-fake-'));
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://lateen');
    const answer = answers[`${request.method} ${pathname}`];
    if (answer === 'never') return;
    response.statusCode = answer === undefined ? 404 : 200;
    const refusal = { message: `there is no answer to ${pathname}`, help: '' };
    response.end(JSON.stringify(answer === undefined ? refusal : typeof answer === 'function' ? answer(searchParams) : answer));
  });
  server.listen(stateFolder(state, {}).apiSocket);
  await once(server, 'listening');
  return {
    state,
    asked,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      rmSync(state, { recursive: true, force: true });
    },
  };
}

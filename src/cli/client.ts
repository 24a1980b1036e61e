// The CLI's side of the write API: JSON calls and line streams over the state folder's Unix socket.

import { request, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import type { Refusal } from '../control/api/contract.ts';
import { stateFolder } from '../control/state-folder.ts';
import { exitCode, Failure } from './failure.ts';

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Client {
  get<Answer>(path: string, query?: Query, signal?: AbortSignal): Promise<Answer>;
  post<Answer>(path: string, body: unknown): Promise<Answer>;
  /** The answer's text as it comes. */
  text(path: string, query: Query, signal: AbortSignal): AsyncIterable<string>;
  /** One JSON value per line. */
  lines<Line>(path: string, query: Query, signal: AbortSignal): AsyncIterable<Line>;
}

export function connect(options: { readonly state?: string | undefined }): Client {
  const folder = stateFolder(options.state, process.env);

  const call = async (
    method: string,
    path: string,
    query: Query,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = request(
        {
          socketPath: folder.apiSocket,
          method,
          path: path + queryText(query),
          headers: { host: 'lateen', ...(text !== undefined && { 'content-type': 'application/json' }) },
          ...(signal && { signal }),
        },
        resolve,
      );
      sent.on('error', (error: NodeJS.ErrnoException) => reject(unreachable(error, folder.path)));
      sent.end(text);
    });
    if ((answer.statusCode ?? 0) < 400) return answer;
    throw refused(await bodyOf(answer));
  };

  return {
    get: async (path, query = {}, signal) => JSON.parse(await bodyOf(await call('GET', path, query, undefined, signal))),
    post: async (path, body) => JSON.parse(await bodyOf(await call('POST', path, {}, body))),
    async *text(path, query, signal) {
      const answer = await call('GET', path, query, undefined, signal);
      answer.setEncoding('utf8');
      yield* quietly(answer, signal);
    },
    async *lines<Line>(path: string, query: Query, signal: AbortSignal) {
      const answer = await call('GET', path, query, undefined, signal);
      for await (const line of quietly(createInterface({ input: answer }), signal))
        if (line !== '') yield JSON.parse(line) as Line;
    },
  };
}

function queryText(query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== false);
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()}`;
}

async function bodyOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function refused(body: string): Failure {
  try {
    const { message, help, code } = JSON.parse(body) as Refusal;
    return new Failure(message, help, exitCode.failed, code);
  } catch {
    return new Failure(`the control plane answered something unreadable: ${body.slice(0, 200)}`);
  }
}

/** A stream that was ended on purpose ends; it does not fail. */
async function* quietly(stream: AsyncIterable<string>, signal: AbortSignal): AsyncIterable<string> {
  try {
    yield* stream;
  } catch (error) {
    if (!signal.aborted) throw new Failure('the control plane ended the stream', 'see lateen status', 1);
    void error;
  }
}

function unreachable(error: NodeJS.ErrnoException, state: string): Failure {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
    return new Failure(
      `no mesh is running with the state folder ${state}`,
      'start one with lateen up, or name its folder with --state',
    );
  }
  if (error.code === 'EACCES') return new Failure(`the mesh in ${state} belongs to another user`, 'run as that user');
  return new Failure(`the control plane cannot be asked: ${error.message}`);
}

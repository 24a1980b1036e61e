// One HTTP request of a test, with every header its own choice and failures as answers rather than exceptions.

import { request as httpRequest, type Agent, type IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly agent?: Agent;
}

/** Status 0: there was no whole answer; the body says why. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export function request(url: string, { method = 'GET', headers = {}, body, agent }: AskOptions = {}): Promise<Answer> {
  return new Promise((resolve) => {
    const failed = (error: Error & { code?: string }) =>
      resolve({ status: 0, headers: {}, body: `${error.code ?? ''} ${error.message}` });
    const sent = httpRequest(url, { method, headers, timeout: 20_000, ...(agent && { agent }) }, (response) => {
      text(response).then((all) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: all }), failed);
    });
    sent.on('error', failed).on('timeout', () => sent.destroy(new Error('no answer within 20 s')));
    sent.end(body);
  });
}

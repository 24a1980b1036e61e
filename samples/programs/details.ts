// Bookinfo's details service: what is printed on a book's back. `node details.ts [PORT]`, 9080 unless told otherwise.

import { getJson, isRecord, propagate } from './call.ts';
import { serve, sendJson, type Exchange } from './http-server.ts';
import { parsePort } from './ports.ts';

const external = process.env['ENABLE_EXTERNAL_BOOK_SERVICE'] === 'true';

serve(
  async (exchange) => {
    if (exchange.path === '/health') return sendJson(exchange, 200, { status: 'Details is healthy' });
    if (!/^\/details(\/|$)/.test(exchange.path)) return false;
    const text = exchange.path.split('/').at(-1) ?? '';
    if (!/^-?\d{1,15}$/.test(text)) return sendJson(exchange, 400, { error: 'please provide numeric product id' });
    return external ? sendExternalBook(exchange, Number(text)) : sendJson(exchange, 200, book(Number(text)));
  },
  { port: parsePort(process.argv[2], 9080) },
);

function book(id: number): Record<string, unknown> {
  return {
    id,
    author: 'William Shakespeare',
    year: 1595,
    type: 'paperback',
    pages: 200,
    publisher: 'PublisherA',
    language: 'English',
    'ISBN-10': '1234567890',
    'ISBN-13': '123-1234567890',
  };
}

/**
 * Version 2 asks a public book service: it is there to try egress rules with. `DO_NOT_ENCRYPT=true` sends plaintext, for a mesh that
 * originates TLS itself.
 */
async function sendExternalBook(exchange: Exchange, id: number): Promise<true> {
  const origin = process.env['DO_NOT_ENCRYPT'] === 'true' ? 'http' : 'https';
  const url = `${origin}://www.googleapis.com/books/v1/volumes?q=isbn:0486424618`;
  const answer = await getJson(url, propagate(withoutCredentials(exchange.request.headers)), 5000);
  const items = isRecord(answer?.json) ? answer.json['items'] : undefined;
  const volume: unknown = Array.isArray(items) ? items[0] : undefined;
  const info = isRecord(volume) ? volume['volumeInfo'] : undefined;
  if (!isRecord(info)) {
    return sendJson(exchange, 400, {
      error: `the external book service ${answer === undefined ? 'did not answer' : `answered ${answer.status}`}`,
    });
  }
  return sendJson(exchange, 200, {
    id,
    author: Array.isArray(info['authors']) ? info['authors'][0] : undefined,
    year: info['publishedDate'],
    type: info['printType'] === 'BOOK' ? 'paperback' : 'unknown',
    pages: info['pageCount'],
    publisher: info['publisher'],
    language: info['language'] === 'en' ? 'English' : 'unknown',
    'ISBN-10': isbn(info, 'ISBN_10'),
    'ISBN-13': isbn(info, 'ISBN_13'),
  });
}

/** A stranger gets the trace, not the user's session. */
function withoutCredentials(headers: Exchange['request']['headers']): Exchange['request']['headers'] {
  const { cookie: _cookie, authorization: _authorization, jwt: _jwt, 'end-user': _user, ...rest } = headers;
  return rest;
}

function isbn(info: Record<string, unknown>, type: string): unknown {
  const identifiers: unknown[] = Array.isArray(info['industryIdentifiers']) ? info['industryIdentifiers'] : [];
  return identifiers.filter(isRecord).find((identifier) => identifier['type'] === type)?.['identifier'];
}

// The httpbin sample: says what a request looked like when it arrived. `node httpbin.ts [-port 8080]`; flags in httpbin/settings.ts.

import { STATUS_CODES } from 'node:http';
import {
  base64,
  basicAuth,
  bearer,
  cache,
  compressed,
  cookies,
  documents,
  etag,
  headers,
  hostnameOf,
  ip,
  redirect,
  redirectTo,
  responseHeaders,
  status,
  unstable,
  userAgent,
  uuid,
} from './httpbin/answers.ts';
import { reflect, reflectWithBody, sendPretty, type Visit } from './httpbin/reflection.ts';
import { readSettings } from './httpbin/settings.ts';
import { bytes, delay, drip, serverSentEvents, stream } from './httpbin/streams.ts';
import { webSocketEcho } from './httpbin/websocket.ts';
import { decodeSegment, Refusal, send, serve, type Exchange } from './http-server.ts';

const settings = readSettings(process.argv.slice(2), process.env);

interface Endpoint {
  /** How many path segments may follow the name. */
  readonly segments: readonly [least: number, most: number];
  /** Any method where not given; HEAD goes wherever GET does. */
  readonly methods?: readonly string[];
  readonly answer: (visit: Visit) => true | Promise<true>;
}

const plain = (answer: Endpoint['answer'], ...methods: string[]): Endpoint => ({
  segments: [0, 0],
  ...(methods.length > 0 ? { methods } : {}),
  answer,
});
const withSegments = (least: number, most: number, answer: Endpoint['answer']): Endpoint => ({ segments: [least, most], answer });
const whole = async (visit: Visit): Promise<true> => sendPretty(visit, 200, await reflectWithBody(visit));

const endpoints = new Map<string, Endpoint>([
  ['', plain(index, 'GET')],
  ['health', plain(({ exchange }) => send(exchange, 200, 'text/plain; charset=utf-8', 'httpbin is healthy'), 'GET')],
  ['get', plain((visit) => sendPretty(visit, 200, reflect(visit)), 'GET')],
  ['head', plain((visit) => sendPretty(visit, 200, reflect(visit)), 'GET')],
  ['post', plain(whole, 'POST')],
  ['put', plain(whole, 'PUT')],
  ['patch', plain(whole, 'PATCH')],
  ['delete', plain(whole, 'DELETE')],
  [
    'anything',
    withSegments(0, 1000, async (visit) =>
      sendPretty(visit, 200, { ...(await reflectWithBody(visit)), method: visit.exchange.method }),
    ),
  ],
  ['headers', plain(headers)],
  ['ip', plain(ip)],
  ['user-agent', plain(userAgent)],
  ['hostname', plain(hostnameOf)],
  ['uuid', plain(uuid)],
  ['status', withSegments(1, 1, status)],
  ['unstable', plain(unstable)],
  ['delay', withSegments(1, 1, delay)],
  ['drip', plain(drip)],
  ['bytes', withSegments(1, 1, (visit) => bytes(visit, false))],
  ['stream', withSegments(1, 1, stream)],
  ['stream-bytes', withSegments(1, 1, (visit) => bytes(visit, true))],
  ['sse', plain(serverSentEvents)],
  ['response-headers', plain(responseHeaders)],
  ['redirect-to', plain(redirectTo)],
  ['redirect', withSegments(1, 1, (visit) => redirect(visit, visit.exchange.query.get('absolute') === 'true'))],
  ['relative-redirect', withSegments(1, 1, (visit) => redirect(visit, false))],
  ['absolute-redirect', withSegments(1, 1, (visit) => redirect(visit, true))],
  ['cookies', withSegments(0, 3, cookies)],
  ['basic-auth', withSegments(2, 2, (visit) => basicAuth(visit, false))],
  ['hidden-basic-auth', withSegments(2, 2, (visit) => basicAuth(visit, true))],
  ['bearer', plain(bearer)],
  ['base64', withSegments(1, 2, base64)],
  ['gzip', plain((visit) => compressed(visit, 'gzip'))],
  ['deflate', plain((visit) => compressed(visit, 'deflate'))],
  ['brotli', plain((visit) => compressed(visit, 'brotli'))],
  ['cache', withSegments(0, 1, cache)],
  ['etag', withSegments(1, 1, etag)],
  ['json', plain(documents.json)],
  ['html', plain(documents.html)],
  ['xml', plain(documents.xml)],
  ['robots.txt', plain(documents.robots)],
  ['deny', plain(documents.deny)],
]);

serve(answer, {
  port: settings.port,
  ...(settings.address ? { address: settings.address } : {}),
  errorBody: (code, detail) => ({ status_code: code, error: STATUS_CODES[code] ?? 'Error', detail }),
  upgrade: webSocketEcho,
});

function answer(exchange: Exchange): true | false | Promise<true> {
  const { request, response, method, path } = exchange;
  response.setHeader('access-control-allow-origin', request.headers.origin ?? '*');
  response.setHeader('access-control-allow-credentials', 'true');
  if (method === 'OPTIONS') return preflight(exchange);

  const [name = '', ...encoded] = path.slice(1).split('/');
  const endpoint = endpoints.get(name);
  const rest = encoded.map(decodeSegment);
  if (endpoint === undefined || rest.length < endpoint.segments[0] || rest.length > endpoint.segments[1]) return false;
  if (name === 'cookies' && rest.length > 0 && rest[0] !== 'set' && rest[0] !== 'delete') return false;
  if (endpoint.methods !== undefined && !endpoint.methods.includes(method === 'HEAD' ? 'GET' : method)) {
    response.setHeader('allow', endpoint.methods.join(', '));
    throw new Refusal(405, `${path} does not take ${method}`);
  }
  return endpoint.answer({ exchange, settings, rest });
}

function preflight(exchange: Exchange): true {
  const asked = exchange.request.headers['access-control-request-headers'];
  return send(exchange, 200, 'text/plain; charset=utf-8', '', {
    'access-control-allow-methods': 'GET, POST, HEAD, PUT, DELETE, PATCH, OPTIONS',
    'access-control-max-age': '3600',
    ...(asked === undefined ? {} : { 'access-control-allow-headers': asked }),
  });
}

function index({ exchange }: Visit): true {
  const items = [...endpoints.keys()].filter((name) => name !== '').map((name) => `<li><code>/${name}</code></li>`);
  return send(
    exchange,
    200,
    'text/html; charset=utf-8',
    `<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>httpbin</title></head>\n<body style="font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem">\n<h1>httpbin</h1>\n<p>Says what a request looked like when it arrived. Endpoints:</p>\n<ul style="columns: 3">${items.join('')}</ul>\n</body>\n</html>\n`,
  );
}

// Bookinfo's front door: asks details and reviews, and shows one page. `node productpage.ts [PORT]`, 9080 unless told otherwise.

import { hostname } from 'node:os';
import { getJson, isRecord, propagate, serviceUrl } from './call.ts';
import { decodeSegment, parseCookies, readBody, send, sendJson, serve, type Exchange } from './http-server.ts';
import { parsePort } from './ports.ts';
import { indexPage, productPage, type Product } from './productpage-html.ts';

const html = 'text/html; charset=utf-8';
const timeoutMs = 3000;
const pod = process.env['HOSTNAME'] ?? hostname();
/** Extra calls to reviews for each page, to try rate limiting with. */
const floodFactor = Math.min(Math.max(Number(process.env['FLOOD_FACTOR'] ?? 0) || 0, 0), 10_000);

const products: readonly Product[] = [
  {
    id: 0,
    title: 'The Comedy of Errors',
    descriptionHtml:
      'Shakespeare’s shortest play: two brothers and their two servants, each with a twin who was lost at sea, spend one day in the same town, and ' +
      'nobody can tell them apart. (<a href="https://en.wikipedia.org/wiki/The_Comedy_of_Errors">More on Wikipedia</a>.)',
  },
];

/** Answers by service and status, for `/metrics`. Few: a service's name times a status code. */
const results = new Map<string, number>();

serve(
  async (exchange) => {
    const { method, path } = exchange;
    if (path === '/' || path === '/index.html') {
      return send(
        exchange,
        200,
        html,
        indexPage({ details: serviceUrl('details'), reviews: serviceUrl('reviews'), ratings: serviceUrl('ratings') }),
      );
    }
    if (path === '/health') return send(exchange, 200, html, 'Product page is healthy');
    if (path === '/metrics') return send(exchange, 200, 'text/plain; version=0.0.4; charset=utf-8', metrics());
    if (path === '/login' && method === 'POST') return login(exchange);
    if (path === '/logout') return redirectHome(exchange, 'session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax');
    if (path === '/productpage') return showProduct(exchange);
    if (path === '/api/v1/products') return sendJson(exchange, 200, products);

    const [, id, part] = /^\/api\/v1\/products\/([^/]+)(?:\/(reviews|ratings))?$/.exec(path) ?? [];
    if (id === undefined) return false;
    const ask = part === 'reviews' ? reviews : part === 'ratings' ? ratings : details;
    const [status, value] = await ask(decodeSegment(id), outboundHeaders(exchange));
    return sendJson(exchange, status, value);
  },
  { port: parsePort(process.argv[2], 9080) },
);

async function showProduct(exchange: Exchange): Promise<true> {
  const [product] = products;
  if (product === undefined) return sendJson(exchange, 404, { error: 'there is no book' });
  const id = String(product.id);
  const headers = outboundHeaders(exchange);
  await flood(id, headers);
  const [detailsAnswer, reviewsAnswer] = await Promise.all([details(id, headers), reviews(id, headers)]);
  return send(
    exchange,
    200,
    html,
    productPage({ product, details: detailsAnswer, reviews: reviewsAnswer, user: signedInUser(exchange), pod }),
    { 'cache-control': 'no-store' },
  );
}

type Result = readonly [status: number, value: unknown];

function details(id: string, headers: Record<string, string>): Promise<Result> {
  return ask('details', id, headers, 'Sorry, product details are currently unavailable for this book.');
}

function ratings(id: string, headers: Record<string, string>): Promise<Result> {
  return ask('ratings', id, headers, 'Sorry, product ratings are currently unavailable for this book.');
}

/** Twice at most, three seconds each: the hard-coded limit that the fault injection task sets out to find. */
async function reviews(id: string, headers: Record<string, string>): Promise<Result> {
  const sorry = 'Sorry, product reviews are currently unavailable for this book.';
  const first = await ask('reviews', id, headers, sorry);
  return first[0] === 200 ? first : ask('reviews', id, headers, sorry);
}

async function ask(
  service: 'details' | 'ratings' | 'reviews',
  id: string,
  headers: Record<string, string>,
  sorry: string,
): Promise<Result> {
  const answer = await getJson(`${serviceUrl(service)}/${service}/${encodeURIComponent(id)}`, headers, timeoutMs);
  const status = answer?.status ?? 500;
  const key = `request_result_total{destination_app="${service}",response_code="${status}"}`;
  results.set(key, (results.get(key) ?? 0) + 1);
  if (status === 200 && isRecord(answer?.json)) return [200, answer.json];
  return [status === 200 ? 500 : status, { error: sorry }];
}

async function flood(id: string, headers: Record<string, string>): Promise<void> {
  const atOnce = 50;
  for (let sent = 0; sent < floodFactor; sent += atOnce) {
    await Promise.all(Array.from({ length: Math.min(atOnce, floodFactor - sent) }, () => reviews(id, headers)));
  }
}

/** What travels along, with the signed-in user as `end-user`: rules match on it. */
function outboundHeaders(exchange: Exchange): Record<string, string> {
  const headers = propagate(exchange.request.headers);
  const user = signedInUser(exchange);
  if (user !== '') headers['end-user'] = /^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(user) ? user : encodeURIComponent(user);
  return headers;
}

// The session is a plain value: anyone may sign in under any name without a password, so a signature would protect nothing.

async function login(exchange: Exchange): Promise<true> {
  const form = new URLSearchParams((await readBody(exchange.request, 16 * 1024)).toString());
  const user = (form.get('username') ?? exchange.query.get('username') ?? '').trim().slice(0, 100).toWellFormed();
  return redirectHome(exchange, `session=${Buffer.from(user).toString('base64url')}; Path=/; HttpOnly; SameSite=Lax`);
}

function signedInUser({ request }: Exchange): string {
  const session = parseCookies(request.headers.cookie).get('session') ?? '';
  return Buffer.from(session.slice(0, 1000), 'base64url').toString();
}

function redirectHome(exchange: Exchange, cookie: string): true {
  return send(exchange, 302, html, '', { location: '/productpage', 'set-cookie': cookie });
}

function metrics(): string {
  const lines = [...results].map(([key, count]) => `${key} ${count}\n`).toSorted();
  return `# HELP request_result_total Answers of the services this page asks, by status.\n# TYPE request_result_total counter\n${lines.join('')}`;
}

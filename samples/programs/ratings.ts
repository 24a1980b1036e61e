// Bookinfo's ratings service: stars by reviewer, kept in memory. `node ratings.ts [PORT]`, 9080 unless told otherwise.

import { isRecord, parseJson } from './call.ts';
import { readBody, sendJson, serve, type Exchange } from './http-server.ts';
import { parsePort } from './ports.ts';

const version = process.env['SERVICE_VERSION'] ?? 'v1';

/** What was posted, by product; the oldest product makes room when there are too many. */
const posted = new Map<number, unknown>();
const mostPosted = 1000;

/** Versions that fail on purpose, to try resilience with: which half of the time they are down, if they take turns. */
const downTurns = new Map([
  ['v-unavailable', 60_000],
  ['v-unhealthy', 15 * 60_000],
]);
let up = true;
const turn = downTurns.get(version);
if (turn !== undefined) setInterval(() => (up = !up), turn).unref();

serve(
  async (exchange) => {
    const { method, path } = exchange;
    if (path === '/health') {
      const healthy = up || version !== 'v-unhealthy';
      return sendJson(exchange, healthy ? 200 : 500, { status: healthy ? 'Ratings is healthy' : 'Ratings is not healthy' });
    }
    if (!/^\/ratings(\/|$)/.test(path) || !['GET', 'HEAD', 'POST'].includes(method)) return false;
    const text = path.split('/').at(-1) ?? '';
    if (!/^\d{1,15}$/.test(text)) return sendJson(exchange, 400, { error: 'please provide numeric product ID' });
    const id = Number(text);
    if (method === 'POST') return post(exchange, id);

    if (!up || (version === 'v-faulty' && Math.random() < 0.5)) return sendJson(exchange, 503, { error: 'Service unavailable' });
    if (version === 'v-delayed' && Math.random() < 0.5) await new Promise((resolve) => setTimeout(resolve, 7000));
    return sendJson(exchange, 200, ratingsOf(id));
  },
  { port: parsePort(process.argv[2], 9080) },
);

async function post(exchange: Exchange, id: number): Promise<true> {
  const ratings = parseJson((await readBody(exchange.request, 64 * 1024)).toString());
  if (!isRecord(ratings)) return sendJson(exchange, 400, { error: 'please provide valid ratings JSON' });
  const oldest = posted.keys().next();
  if (posted.size >= mostPosted && !posted.has(id) && !oldest.done) posted.delete(oldest.value);
  posted.set(id, ratings);
  return sendJson(exchange, 200, ratingsOf(id));
}

function ratingsOf(id: number): Record<string, unknown> {
  return { id, ratings: posted.get(id) ?? { Reviewer1: 5, Reviewer2: 4 } };
}

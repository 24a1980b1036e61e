// Bookinfo's reviews service: version 1 without stars, 2 with black ones, 3 with red ones. `node reviews.ts [PORT]`, 9080 unless told otherwise.

import { hostname } from 'node:os';
import { getJson, isRecord, propagate, serviceUrl } from './call.ts';
import { sendJson, serve } from './http-server.ts';
import { log } from './log.ts';
import { parsePort } from './ports.ts';

// Upstream bakes ENABLE_RATINGS and STAR_COLOR into each version's image; SERVICE_VERSION alone says the same here.
const version = process.env['SERVICE_VERSION'] ?? 'v1';
const ratingsEnabled = (process.env['ENABLE_RATINGS'] ?? String(version !== 'v1')) === 'true';
const starColor = process.env['STAR_COLOR'] ?? (version === 'v3' ? 'red' : 'black');
/** The versions wait differently: it is what the fault injection task is about. */
const ratingsTimeoutMs = starColor === 'black' ? 10_000 : 2500;

const texts: readonly (readonly [reviewer: string, text: string])[] = [
  ['Reviewer1', 'Two pairs of twins, one long day, and not a dull page. I laughed out loud on the train.'],
  ['Reviewer2', 'Quick, silly and clever. Read the later comedies for depth; read this one for the fun of it.'],
];

serve(
  async (exchange) => {
    const { path, request } = exchange;
    if (path === '/health') return sendJson(exchange, 200, { status: 'Reviews is healthy' });
    const id = /^\/reviews\/(-?\d{1,15})$/.exec(path)?.[1];
    if (id === undefined) return false;
    const stars = ratingsEnabled ? await starsOf(id, propagate(request.headers)) : undefined;
    return sendJson(exchange, 200, {
      id,
      podname: process.env['HOSTNAME'] ?? hostname(),
      clustername: process.env['CLUSTER_NAME'] ?? 'null',
      reviews: texts.map(([reviewer, text]) => ({
        reviewer,
        text,
        ...(ratingsEnabled ? { rating: rating(stars?.[reviewer]) } : {}),
      })),
    });
  },
  { port: parsePort(process.argv[2], 9080) },
);

function rating(stars: unknown): Record<string, unknown> {
  if (typeof stars !== 'number' || !Number.isInteger(stars)) return { error: 'Ratings service is currently unavailable' };
  return { stars, color: starColor };
}

async function starsOf(id: string, headers: Record<string, string>): Promise<Record<string, unknown> | undefined> {
  const url = `${serviceUrl('ratings')}/ratings/${id}`;
  const answer = await getJson(url, headers, ratingsTimeoutMs);
  if (answer?.status === 200 && isRecord(answer.json) && isRecord(answer.json['ratings'])) return answer.json['ratings'];
  log('error', 'no ratings', { url, status: answer?.status ?? 'no answer' });
  return undefined;
}

// The endpoints of httpbin that take their time: delays, drips, streams of lines, bytes and events.

import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { Refusal, send } from '../http-server.ts';
import { reflect, reflectWithBody, sendPretty, type Visit } from './reflection.ts';
import { parseDuration } from './settings.ts';

/** `/delay/2` answers after two seconds. */
export async function delay(visit: Visit): Promise<true> {
  const ms = boundedDuration(visit, visit.rest[0] ?? '', 'duration');
  const body = await reflectWithBody(visit);
  if (!(await pause(visit.exchange.response, ms))) return true;
  return sendPretty(visit, 200, body);
}

/** `/drip?numbytes=10&duration=2&delay=2&code=200`: a body of stars that comes slowly, its length said beforehand. */
export async function drip(visit: Visit): Promise<true> {
  const { response, query, method } = visit.exchange;
  const duration = boundedDuration(visit, query.get('duration') || '2', 'duration');
  const first = boundedDuration(visit, query.get('delay') || '2', 'delay');
  if (duration + first > visit.settings.maxDurationMs) throw new Refusal(400, 'too much time: duration and delay together');
  const count = boundedCount(query.get('numbytes') || '10', 'numbytes', 1, visit.settings.maxBodySize);
  const code = query.get('code') || '200';
  if (!/^[2-5]\d\d$/.test(code) || code === '204' || code === '304')
    throw new Refusal(400, 'invalid status code for an answer with a body');

  if (!(await pause(response, first))) return true;
  response.writeHead(Number(code), { 'content-type': 'text/plain; charset=utf-8', 'content-length': count });
  response.flushHeaders();
  if (method === 'HEAD') return end(response);
  // Timers below a millisecond do not exist: with many bytes, several go at once.
  const steps = Math.min(count, Math.max(1, Math.floor(duration)));
  for (let step = 0; step < steps; step++) {
    const share = Math.floor((count * (step + 1)) / steps) - Math.floor((count * step) / steps);
    if (!(await write(response, Buffer.alloc(share, '*')))) return true;
    if (step + 1 < steps && !(await pause(response, duration / (steps - 1)))) return true;
  }
  return end(response);
}

/** `/stream/5`: that many lines of JSON, one write each. */
export async function stream(visit: Visit): Promise<true> {
  const { response, method } = visit.exchange;
  const count = Math.max(1, Math.min(100, boundedCount(visit.rest[0] ?? '', 'count', 0, Number.MAX_SAFE_INTEGER)));
  response.writeHead(200, { 'content-type': 'application/json' });
  const body = reflect(visit);
  for (let id = 0; id < count && method !== 'HEAD'; id++) {
    if (!(await write(response, `${JSON.stringify({ id, ...body })}\n`))) return true;
  }
  return end(response);
}

/** `/bytes/1024` at once, `/stream-bytes/1024?chunk_size=100` in chunks. */
export async function bytes(visit: Visit, inChunks: boolean): Promise<true> {
  const { exchange, settings, rest } = visit;
  const count = boundedCount(rest[0] ?? '', 'byte count', 0, settings.maxBodySize);
  if (!inChunks) return send(exchange, 200, 'application/octet-stream', randomBytes(count));
  const size = boundedCount(exchange.query.get('chunk_size') || '10240', 'chunk_size', 1, settings.maxBodySize);
  // A chunk below 64 bytes costs more than it holds.
  const step = Math.max(size, Math.min(64, count));
  exchange.response.writeHead(200, { 'content-type': 'application/octet-stream' });
  for (let sent = 0; sent < count && exchange.method !== 'HEAD'; sent += step) {
    if (!(await write(exchange.response, randomBytes(Math.min(step, count - sent))))) return true;
  }
  return end(exchange.response);
}

/** `/sse?count=10&duration=5s&delay=1s`: that many events spread over the duration. */
export async function serverSentEvents(visit: Visit): Promise<true> {
  const { response, query, method } = visit.exchange;
  const count = boundedCount(query.get('count') || '10', 'count', 1, 10_000);
  const duration = boundedDuration(visit, query.get('duration') || '5s', 'duration');
  const first = boundedDuration(visit, query.get('delay') || '1s', 'delay');
  if (duration + first > visit.settings.maxDurationMs) throw new Refusal(400, 'too much time: duration and delay together');
  if (!(await pause(response, first))) return true;
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
  response.flushHeaders();
  for (let id = 0; id < count && method !== 'HEAD'; id++) {
    if (!(await write(response, `event: ping\ndata: ${JSON.stringify({ id, timestamp: Date.now() })}\n\n`))) return true;
    if (id + 1 < count && !(await pause(response, duration / (count - 1)))) return true;
  }
  return end(response);
}

function boundedDuration({ settings }: Visit, text: string, name: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms > settings.maxDurationMs) {
    throw new Refusal(400, `invalid ${name}: give seconds or a duration such as 250ms, up to ${settings.maxDurationMs / 1000}s`);
  }
  return ms;
}

function boundedCount(text: string, name: string, least: number, most: number): number {
  const count = Number(text);
  if (!/^\d{1,15}$/.test(text) || count < least || count > most)
    throw new Refusal(400, `invalid ${name}: give a number from ${least} to ${most}`);
  return count;
}

/** Waits; false when the caller left meanwhile. */
function pause(response: ServerResponse, ms: number): Promise<boolean> {
  if (response.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const leave = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      response.off('close', leave);
      resolve(true);
    }, ms);
    response.once('close', leave);
  });
}

/** Writes, and waits for a slow reader; false when the caller left. */
function write(response: ServerResponse, chunk: string | Buffer): Promise<boolean> {
  if (response.destroyed) return Promise.resolve(false);
  if (response.write(chunk)) return Promise.resolve(true);
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off('drain', settle);
      response.off('close', settle);
      resolve(!response.destroyed);
    };
    response.once('drain', settle);
    response.once('close', settle);
  });
}

function end(response: ServerResponse): true {
  response.end();
  return true;
}

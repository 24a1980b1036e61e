// Events as lines of JSON on an answer that stays open: for watches of the API.

import type { Context } from 'hono';
import { stream } from 'hono/streaming';

/** A watcher that does not read is cut off when this many events wait for it. */
const maxWaitingEvents = 10_000;

/** `subscribe` is given where to put events, until the watcher goes. */
export function eventStream<Event>(c: Context, subscribe: (take: (event: Event) => void) => () => void): Response {
  c.header('content-type', 'application/x-ndjson');
  return stream(c, async (out) => {
    const waiting: Event[] = [];
    let wake: () => void = () => {};
    let ended = false;
    const end = subscribe((event) => {
      waiting.push(event);
      wake();
    });
    out.onAbort(() => {
      ended = true;
      wake();
    });
    try {
      while (!ended && waiting.length < maxWaitingEvents) {
        for (const event of waiting.splice(0)) await out.writeln(JSON.stringify(event));
        if (waiting.length === 0 && !ended) await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      end();
    }
  });
}

// Asks a URL steadily until its standard input ends, then tells as JSON what came of it: `node load-program.ts URL EVERY-MS WORKERS KEEP-ALIVE`.

import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from './ask.ts';
import type { LoadReport } from './load.ts';

const [url = '', every = '10', workers = '2', keepAlive = 'true'] = process.argv.slice(2);
const agent = new Agent({ keepAlive: keepAlive === 'true' });
const failures: string[] = [];
const answers: Record<string, number> = {};
let sent = 0;
let over = false;
process.stdin.resume().on('end', () => (over = true));

async function work(): Promise<void> {
  while (!over) {
    const began = performance.now();
    const { status, body } = await request(url, { agent });
    sent++;
    const word = /version: (v\d+)|color:(red|black)/.exec(body)?.slice(1).find(Boolean) ?? '';
    answers[word] = (answers[word] ?? 0) + 1;
    // A page that could not reach a service says so with 200.
    const lacks = />[^<]*currently unavailable/.exec(body)?.[0] ?? '';
    if ((status !== 200 || lacks !== '') && failures.length < 20)
      failures.push(`request ${sent}, ${new Date().toISOString()}: ${status} ${lacks || body.slice(0, 200)}`);
    await sleep(Math.max(0, Number(every) - (performance.now() - began)));
  }
}

await Promise.all(Array.from({ length: Number(workers) }, work));
agent.destroy();
process.stdout.write(JSON.stringify({ sent, failures, answers } satisfies LoadReport));

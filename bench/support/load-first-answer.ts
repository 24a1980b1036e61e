// A caller in benchmarks: asks one address again and again until it gets a 200, and says when that was. Runs inside pods.

import { get, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** The line that it prints. */
export interface FirstAnswer {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** What else was answered before, and how often: a status, or the code of an error. */
  readonly before: Readonly<Record<string, number>>;
  readonly body: string;
}

const everyMs = 5;
const [, , url = '', patienceSeconds = '30'] = process.argv;

/** One try on a connection of its own. */
async function once(): Promise<{ readonly status: number; readonly body: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent: false, timeout: 2000 }, resolve)
      .on('timeout', (): void => reject(new Error('timeout')))
      .on('error', reject);
  });
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk);
  return { status: response.statusCode ?? 0, body };
}

const before: Record<string, number> = {};
console.log('asking');
for (const deadline = performance.now() + Number(patienceSeconds) * 1000; performance.now() < deadline;) {
  let outcome: string;
  try {
    const { status, body } = await once();
    if (status === 200) {
      const answer: FirstAnswer = { at: performance.timeOrigin + performance.now(), before, body };
      console.log(JSON.stringify(answer));
      process.exit(0);
    }
    outcome = String(status);
  } catch (error) {
    outcome = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
  }
  before[outcome] = (before[outcome] ?? 0) + 1;
  await sleep(everyMs);
}
console.error(`no 200 from ${url}; instead ${JSON.stringify(before)}`);
process.exit(1);

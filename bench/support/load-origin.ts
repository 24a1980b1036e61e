// A workload's program in benchmarks: answers every GET with 1 KB, and at /times with when it began. Runs inside pods.

import { readlinkSync } from 'node:fs';
import { createServer } from 'node:http';

/** What `/times` answers. Times are milliseconds since 1970. */
export interface OriginTimes {
  /** When the process began. */
  readonly began: number;
  /** When it listened. */
  readonly listened: number;
  /** The network namespace it is in, as the kernel names it. */
  readonly network: string;
  /** Who called, by the client certificate that its proxy has checked; absent on a call in plaintext. */
  readonly caller?: string;
}

const body = 'x'.repeat(1024);
let listened = 0;

createServer((request, response) => {
  if (request.url !== '/times') return void response.setHeader('content-length', body.length).end(body);
  const caller = request.headers['x-forwarded-client-cert'];
  const times: OriginTimes = {
    began: performance.timeOrigin,
    listened,
    network: readlinkSync('/proc/self/ns/net'),
    ...(typeof caller === 'string' && { caller }),
  };
  response.end(JSON.stringify(times));
}).listen(Number(process.argv[2]), () => {
  listened = performance.timeOrigin + performance.now();
});

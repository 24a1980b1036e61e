// What the proxies of a running mesh wrote around a failure: their access logs, in a format that is made to be searched.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A MeshConfig: where every proxy logs what it did, and how long what changed has to drain. */
export const meshConfig = (drainSeconds: number): object => ({
  accessLogFile: '/dev/stdout',
  accessLogFormat: `record %START_TIME% %DURATION% %RESPONSE_CODE% %RESPONSE_FLAGS% %REQ(:METHOD)% %REQ(:AUTHORITY)%%REQ(:PATH)% details=%RESPONSE_CODE_DETAILS% termination=%CONNECTION_TERMINATION_DETAILS% transport=%UPSTREAM_TRANSPORT_FAILURE_REASON% attempts=%UPSTREAM_REQUEST_ATTEMPT_COUNT% cluster=%UPSTREAM_CLUSTER_RAW% upstream=%UPSTREAM_HOST% from=%DOWNSTREAM_REMOTE_ADDRESS% to=%DOWNSTREAM_LOCAL_ADDRESS% close=%DOWNSTREAM_LOCAL_CLOSE_REASON% chain=%FILTER_CHAIN_NAME%\n`,
  defaultConfig: { drainDuration: `${drainSeconds}s` },
});

interface Moment {
  readonly from: string;
  readonly at: string;
  /** What a request's path holds. */
  readonly word: string;
}

const around = 1500;
const most = 60;

/** The records of what a proxy answered with an error or a flag around that time, of long connections that ended, and of the request itself. */
export function recordsAround(state: string, { from, at, word }: Moment): string[] {
  const [first, last] = [Date.parse(from) - around, Date.parse(at) + around];
  const found: string[] = [];
  const folder = join(state, 'logs');
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/istio-proxy(?:\.older|\.previous)?\.log$/.test(name)) continue;
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
      const [, start = '', duration = '', code = '', flags = ''] = /record (\S+) (\S+) (\S+) (\S+) /.exec(line) ?? [];
      const [begun, ended] = [Date.parse(start), Date.parse(start) + Number(duration)];
      if (!(begun <= last && ended >= first)) continue;
      // A connection that was not ended by its client, and did not only say a word.
      const cut = code === '0' && Number(duration) > 1000;
      const wrong = (Number(code) >= 400 || flags !== '-' || cut) && ended <= last;
      if (wrong || line.includes(`/${word} `)) found.push(`${name}: ${line}`);
    }
  }
  return found.slice(0, most);
}

// A pod's servers in a soak, ended as a well-behaved program of Kubernetes ends: `node server-program.ts VERSION PROTOCOL:PORT…`.

import { setTimeout as sleep } from 'node:timers/promises';
import { startInstance, type Protocol } from './servers.ts';

/** What callers' workers and name servers need to hear that the pod has left its services, as a `preStop` pause gives it. */
const pauseMs = 1000;
/** Who has not gone by then is cut off. */
const longestMs = 15_000;

const [version = '', ...served] = process.argv.slice(2);
const instances = await Promise.all(
  served.map((each) => {
    const [protocol = '', port] = each.split(':');
    return startInstance(protocol as Protocol, version, { host: '0.0.0.0', port: Number(port) });
  }),
);
const alive = setInterval(() => {}, 1_000_000);
process.once('SIGTERM', () => {
  void (async () => {
    await sleep(pauseMs);
    const left = Promise.all(instances.map((instance) => instance.leave()));
    const all = await Promise.race([left.then(() => true), sleep(longestMs, false, { ref: false })]);
    if (!all) process.stdout.write('some have stayed\n');
    clearInterval(alive);
    process.exit(0);
  })();
});
process.stdout.write('serving\n');

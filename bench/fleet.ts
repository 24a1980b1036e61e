// The client fleet of the push benchmarks: a process with any number of proxies, each a delta-ADS stream on a connection of its
// own. A driver tells it what to do on standard input and reads answers from standard output (support/fleet-protocol.ts).

import { createInterface } from 'node:readline';
import { FleetClient, now, type Counts } from './support/fleet-client.ts';
import type { FleetAnswer, FleetCommand, FleetReport } from './support/fleet-protocol.ts';

const counts: Counts = { responses: 0, bytes: 0, removed: 0, resources: {} };
const clients: FleetClient[] = [];

function reset(): void {
  Object.assign(counts, { responses: 0, bytes: 0, removed: 0, resources: {} });
  for (const client of clients) client.lastAck = 0;
}

const report = (): FleetReport => {
  const { user, system } = process.cpuUsage();
  return {
    connected: clients.filter(({ connected }) => connected).length,
    lost: clients.filter(({ lost }) => lost).length,
    complete: clients.filter(({ complete }) => complete).length,
    ...structuredClone(counts),
    lastAcks: clients.map(({ lastAck }) => lastAck).sort((left, right) => left - right),
    cpuMs: (user + system) / 1000,
  };
};

/** Resolves when all proxies are complete and no response came for a while. */
async function quiet(quietMs: number): Promise<void> {
  let seen = -1;
  let since = now();
  for (;;) {
    if (counts.responses !== seen || !clients.every(({ complete }) => complete)) {
      seen = counts.responses;
      since = now();
    } else if (now() - since >= quietMs) return;
    await new Promise((resolve) => setTimeout(resolve, Math.min(quietMs, 20)));
  }
}

/** Runs the work of each client, at most `at` at one time. */
async function inLanes(work: readonly (() => Promise<void>)[], at: number): Promise<void> {
  const queue = [...work];
  const lane = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) await next();
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(at, work.length)) }, lane));
}

async function obey(command: FleetCommand): Promise<FleetReport | undefined> {
  switch (command.do) {
    case 'connect': {
      if (clients.length === 0) for (const proxy of command.proxies) clients.push(new FleetClient(proxy, counts));
      const work = clients.map((client) => () => client.connect(command.address));
      await inLanes(work, command.at ?? clients.length);
      return undefined;
    }
    case 'wait':
      await quiet(command.quietMs);
      return report();
    case 'report':
      return report();
    case 'reset':
      reset();
      return undefined;
    case 'disconnect':
      await Promise.all(clients.map((client) => client.disconnect(command.keep)));
      if (!command.keep) clients.length = 0;
      return undefined;
    case 'exit':
      process.exit(0);
  }
}

const say = (answer: FleetAnswer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as FleetCommand;
  try {
    const result = await obey(command);
    say(result ? { id: command.id, report: result } : { id: command.id, done: true });
  } catch (error) {
    say({ id: command.id, error: error instanceof Error ? error.message : String(error) });
  }
}

// The driver's side of the fleet: starts its process and speaks its protocol.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { FleetAnswer, FleetCommand, FleetReport } from './fleet-protocol.ts';

type Order = FleetCommand extends infer Each ? (Each extends FleetCommand ? Omit<Each, 'id'> : never) : never;

export interface Fleet {
  /** Carries out one command; rejects with the fleet's own words. */
  tell(order: Order): Promise<FleetReport | undefined>;
  /** The report of a `wait` or `report`. */
  ask(order: Extract<Order, { do: 'wait' | 'report' }>): Promise<FleetReport>;
  readonly pid: number | undefined;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a fleet; `core` pins it, so that the server measured has another for itself. */
export function startFleet({ core }: { core?: number } = {}): Fleet {
  const script = new URL('../fleet.ts', import.meta.url).pathname;
  const node = [process.execPath, ...process.execArgv, script];
  const [command = '', ...args] = core === undefined ? node : ['taskset', '-c', String(core), ...node];
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = new Map<number, (answer: FleetAnswer) => void>();
  let ids = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = JSON.parse(line) as FleetAnswer;
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      for (const [id, answer] of waiting) answer({ id, error: 'the fleet ended' });
      waiting.clear();
      resolve();
    });
  });
  const tell: Fleet['tell'] = (order) =>
    new Promise((resolve, reject) => {
      ids += 1;
      waiting.set(ids, (answer) => {
        if ('error' in answer) reject(new Error(answer.error));
        else resolve('report' in answer ? answer.report : undefined);
      });
      child.stdin.write(`${JSON.stringify({ ...order, id: ids })}\n`);
    });
  return {
    tell,
    async ask(order) {
      const report = await tell(order);
      if (!report) throw new Error(`the fleet answered ${order.do} without a report`);
      return report;
    },
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill();
      await exited;
    },
  };
}

// Steady traffic of every kind: short requests and calls, and exchanges on connections and streams that stay for the whole time.

import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { callMany, callOnce, GrpcCall, methods } from './grpc.ts';
import { asked, Sessions } from './http.ts';
import { Line } from './line.ts';

/** What one kind of traffic came to. */
export interface Lane {
  sent: number;
  /** The first twenty. */
  readonly failures: Failure[];
}

export interface Failure {
  readonly lane: string;
  /** When it had begun, and when it was known. */
  readonly from: string;
  readonly at: string;
  /** What was asked and what came instead. */
  readonly what: string;
}

/** Where a lane leads. */
export interface LanePlan {
  readonly kind: keyof typeof kinds;
  /** What is dialled. */
  readonly host: string;
  readonly port: number;
  /** What is asked for in HTTP. */
  readonly authority: string;
}

/** One exchange, under a word that is its own. */
type Exchange = (word: string) => Promise<void>;

/** What stays over many exchanges, until its server asks for another. */
interface Staying {
  readonly moved: boolean;
  echo(text: string): Promise<void>;
}

const kinds = {
  http: ({ host, port, authority }: LanePlan): Exchange => {
    const agent = new HttpAgent({ keepAlive: true });
    return async (word) => void (await asked(httpRequest, { host, port, path: `/${word}`, headers: { host: authority }, agent }));
  },
  /** A handshake each, so that new certificates are met. */
  https: ({ host, port, authority }: LanePlan): Exchange => {
    const agent = new HttpsAgent({ keepAlive: false });
    const options = { host, port, headers: { host: authority }, servername: authority, rejectUnauthorized: false, agent };
    return async (word) => void (await asked(httpsRequest, { ...options, path: `/${word}` }));
  },
  h2: (plan: LanePlan): Exchange => {
    const sessions = sessionsOf(plan);
    return async (word) => void (await sessions.ask(`/${word}`));
  },
  grpc: (plan: LanePlan): Exchange => {
    const sessions = sessionsOf(plan);
    return (word) => callOnce(sessions, word);
  },
  /** One message, several back. */
  stream: (plan: LanePlan): Exchange => {
    const sessions = sessionsOf(plan);
    return (word) => callMany(sessions, word);
  },
  /** A call that goes on. */
  talk: (plan: LanePlan): Exchange => {
    const sessions = sessionsOf(plan);
    return staying(
      async () => new GrpcCall(sessions, methods.talk),
      (call) => call.finish(),
    );
  },
  tcp:
    ({ host, port }: LanePlan): Exchange =>
    async (word) => {
      using line = new Line(host, port);
      await line.echo(word);
    },
  /** The server speaks first. */
  banner:
    ({ host, port }: LanePlan): Exchange =>
    async (word) => {
      using line = new Line(host, port);
      const greeting = await line.next();
      if (!greeting.startsWith('hello ')) throw new Error(`${JSON.stringify(greeting)} is no greeting`);
      await line.echo(word);
    },
  echo: ({ host, port }: LanePlan): Exchange =>
    staying(
      async () => new Line(host, port),
      (line) => line[Symbol.dispose](),
    ),
  websocket: ({ host, port, authority }: LanePlan): Exchange =>
    staying(
      () => Line.upgraded(host, port, authority, '/websocket'),
      (line) => line[Symbol.dispose](),
    ),
} as const;

const sessionsOf = ({ host, port, authority }: LanePlan): Sessions => new Sessions(host, port, authority);

function staying<Stays extends Staying>(open: () => Promise<Stays>, end: (stays: Stays) => void | Promise<void>): Exchange {
  let current: Stays | undefined;
  return async (word) => {
    current ??= await open();
    const used = current;
    try {
      await used.echo(word);
    } catch (error) {
      current = undefined;
      throw error;
    }
    if (!used.moved) return;
    current = undefined;
    await end(used);
  };
}

export interface TrafficOptions {
  /** The pause between two exchanges of a lane, in milliseconds. */
  readonly everyMs?: number;
  readonly failed?: (failure: Failure) => void;
}

export class Traffic {
  readonly lanes: Readonly<Record<string, Lane>>;
  readonly #running: Promise<void>[];
  readonly #everyMs: number;
  readonly #failed: (failure: Failure) => void;
  #over = false;

  constructor(plans: Readonly<Record<string, LanePlan>>, { everyMs = 5, failed = () => {} }: TrafficOptions = {}) {
    this.#everyMs = everyMs;
    this.#failed = failed;
    const entries = Object.entries(plans).map(([name, plan]) => ({ name, plan, lane: { sent: 0, failures: [] } as Lane }));
    this.lanes = Object.fromEntries(entries.map(({ name, lane }) => [name, lane]));
    this.#running = entries.map(({ name, plan, lane }) => this.#run(name, lane, kinds[plan.kind](plan)));
  }

  /** Ends all traffic, and says what came of it. */
  async stop(): Promise<Traffic['lanes']> {
    this.#over = true;
    await Promise.all(this.#running);
    return this.lanes;
  }

  async #run(name: string, lane: Lane, exchange: Exchange): Promise<void> {
    while (!this.#over) {
      const word = `${name}/${++lane.sent}`;
      const from = new Date().toISOString();
      try {
        await exchange(word);
      } catch (error) {
        const what = `${word}: ${error instanceof Error ? error.message : String(error)}`;
        const failure = { lane: name, from, at: new Date().toISOString(), what };
        if (lane.failures.length < 20) lane.failures.push(failure);
        this.#failed(failure);
        await sleep(100);
      }
      await sleep(this.#everyMs);
    }
  }
}

/** What came of lanes, in words: how much was sent, and what failed. */
export const sentBy = (lanes: Traffic['lanes']): string =>
  Object.entries(lanes)
    .map(([name, { sent }]) => `${sent} ${name}`)
    .join(', ');

export const failuresOf = (lanes: Traffic['lanes']): string[] =>
  Object.values(lanes).flatMap(({ failures }) => failures.map(({ from, at, what }) => `${from} to ${at} ${what}`));

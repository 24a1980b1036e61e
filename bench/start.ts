// Cold start: from the apply of a new workload to the first answer that another one gets from it over mutual TLS.

import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Client } from '../src/cli/client.ts';
import type { ApplyAnswer, DeleteAnswer, ObjectEvent } from '../src/control/api/contract.ts';
import type { RunningMesh } from '../test/support/mesh.ts';
import type { FirstAnswer } from './support/load-first-answer.ts';
import type { OriginTimes } from './support/load-origin.ts';
import { caller, converse, manifest, program, server, startWith, strictMutualTls, urlOf, whyNot } from './support/mesh.ts';
import { beganAt, processIn } from './support/processes.ts';
import { header, row, skip } from './support/report.ts';

const rounds = 12;
const targetMs = 1000;
const client = 'client';

/** Milliseconds since the apply, in the order in which they come about. */
const steps = [
  'pod created',
  'its network made',
  'Envoy started',
  'Envoy ready',
  'program started',
  'program listens',
  'pod ready',
  'first 200',
] as const;
type Step = (typeof steps)[number];
type Times = Readonly<Record<Step, number>>;

const now = (): number => performance.timeOrigin + performance.now();

interface PodBody {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
  readonly status?: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** Notes when the pods of each `app` first show a step, from the objects as the control plane has them. */
class Watcher implements AsyncDisposable {
  readonly #seen = new Map<string, Map<Step, number>>();
  readonly #end = new AbortController();
  readonly #watching: Promise<void>;

  constructor(api: Client) {
    this.#watching = this.#watch(api);
  }

  at(app: string, step: Step): number {
    return this.#seen.get(app)?.get(step) ?? Number.NaN;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#watching;
  }

  async #watch(api: Client): Promise<void> {
    const query = { kinds: 'pods', watch: true };
    for await (const { table } of api.lines<ObjectEvent>('/v1/objects', query, this.#end.signal)) {
      const at = now();
      for (const { document } of table.items) this.#note(document as unknown as PodBody, at);
    }
  }

  #note({ metadata, status = {} }: PodBody, at: number): void {
    const app = metadata.labels?.['app'] ?? '';
    const seen = this.#seen.get(app) ?? new Map<Step, number>();
    this.#seen.set(app, seen);
    const met = (wanted: string): boolean =>
      status.conditions?.some((condition) => condition.type === wanted && condition.status === 'True') === true;
    const first = (step: Step, holds: boolean): void => void (holds && !seen.has(step) && seen.set(step, at));
    first('pod created', true);
    first('its network made', status.podIP !== undefined);
    first('Envoy ready', met('Initialized'));
    first('pod ready', met('Ready'));
  }
}

async function coldStart(mesh: RunningMesh, api: Client, watcher: Watcher, name: string): Promise<Times> {
  await using asking = converse(mesh, client, program('load-first-answer', urlOf(name, '/times')));
  await asking.line();
  const began = now();
  const request = { files: [{ source: 'bench', text: manifest(server(name)) }], dryRun: false };
  const { diagnostics } = await api.post<ApplyAnswer>('/v1/apply', request);
  if (diagnostics.some(({ severity }) => severity === 'error')) throw new Error(diagnostics.map(({ text }) => text).join('\n'));
  const { at, body } = JSON.parse(await asking.line()) as FirstAnswer;
  const origin = JSON.parse(body) as OriginTimes;
  if (origin.caller?.includes('URI=spiffe://') !== true) throw new Error('the first answer did not come over mutual TLS');
  const times: Times = {
    'pod created': watcher.at(name, 'pod created'),
    'its network made': watcher.at(name, 'its network made'),
    'Envoy started': beganAt(processIn(origin.network, 'envoy')),
    'Envoy ready': watcher.at(name, 'Envoy ready'),
    'program started': origin.began,
    'program listens': origin.listened,
    'pod ready': watcher.at(name, 'pod ready'),
    'first 200': at,
  };
  await api.post<DeleteAnswer>('/v1/delete', { files: request.files });
  return Object.fromEntries(steps.map((step) => [step, times[step] - began])) as Times;
}

async function measure(): Promise<void> {
  await using mesh = await startWith([strictMutualTls, caller(client)]);
  const api = connect({ state: mesh.state });
  await using watcher = new Watcher(api);
  // The first one finds nothing warm: it is a round, though not one that counts.
  await coldStart(mesh, api, watcher, 'warm-up');
  const all: Times[] = [];
  for (let round = 0; round < rounds; round++) {
    await sleep(300);
    all.push(await coldStart(mesh, api, watcher, `cold-${round}`));
  }
  const first = all.map((times) => times['first 200']);
  row(`apply to first 200, ${rounds} rounds`, spread(first), `≤ ${targetMs / 1000} s`, median(first) <= targetMs);
  for (const step of steps) if (step !== 'first 200') row(`  until: ${step}`, spread(all.map((times) => times[step])));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

function spread(values: readonly number[]): string {
  return `${median(values).toFixed(0)} ms (${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)})`;
}

header('cold start: one new workload in a running mesh, strict mutual TLS');
const obstacle = await whyNot();
if (obstacle === undefined) await measure();
else skip(obstacle);

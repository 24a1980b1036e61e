// One long-lived Envoy for thousands of configurations: each becomes its configuration over our own ADS, requests go through it, and
// what it did is read from its access log, from the answer and from what arrived upstream.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Compiled } from '../../../src/compile/compile.ts';
import type { HttpRequest, Request } from '../../../src/explain/request.ts';
import { serveGrpc } from '../../../src/lib/grpc/server.ts';
import { findEnvoy } from '../../../src/node/envoy-binary.ts';
import { adsHandlers, type Ads } from '../../../src/xds/ads.ts';
import { realClock } from '../../../src/xds/clock.ts';
import type { Refusal } from '../../../src/xds/distribution.ts';
import { authority as newAuthority, leaf, type Leaf, type TestAuthority } from '../certificates.ts';
import { until } from '../until.ts';
import { FakeCompiler, together } from '../xds/fake-compiler.ts';
import { adsBootstrap, freePort } from '../xds/real-envoy.ts';
import { generationText, recordOf, type AccessRecord } from './access-log.ts';
import { probeName, staged, type Doors, type Staged } from './stage.ts';
import { tokenOf } from './tokens.ts';
import { caseHeader, Upstream, type Arrival } from './upstream.ts';
import { send, type Answer } from './wire.ts';

/** What the proxy did with a request. */
export interface Observed {
  readonly answer: Answer;
  /** Of the filter that decided; undefined where no filter saw it. */
  readonly record: AccessRecord | undefined;
  /** Of the connection. */
  readonly connection: AccessRecord | undefined;
  /** Everything that arrived upstream; copies may come late. */
  readonly arrivals: readonly Arrival[];
}

export interface Logged extends Observed {
  /** All that the access log said of it, for who has to find out why. */
  readonly log: readonly string[];
}

export interface RealProxyOptions {
  /** Where scenes have upstream servers listen, on all loopback addresses. */
  readonly upstreamPorts: readonly number[];
  /** Whom the upstream servers prove to be, and the proxy itself. */
  readonly names: { readonly uris: readonly string[]; readonly dnsNames: readonly string[] };
  readonly identity: string;
  readonly addressOf: (name: string) => string;
}

interface Said {
  readonly line: string;
  readonly record: AccessRecord;
}

const className = 'stage';
/** A record takes no longer, on however busy a machine. */
const longestMs = 20_000;
/** So often a request is sent that an earlier configuration's listener takes. */
const mostTries = 10;
/** At once on the way; more wait. */
const concurrently = 8;

export class RealProxy {
  readonly authority: TestAuthority;
  readonly #options: RealProxyOptions;
  readonly #identity: Leaf;
  readonly #doors: Doors;
  readonly #upstream: Upstream;
  readonly #compiler: FakeCompiler;
  readonly #ads: Ads;
  readonly #stack: AsyncDisposableStack;
  readonly #records = new Map<string, Said[]>();
  #envoy: ChildProcess;
  #complaints = '';
  #generation = 0;
  #cases = 0;
  readonly #waiting = new Set<() => void>();

  private constructor(given: {
    options: RealProxyOptions;
    authority: TestAuthority;
    identity: Leaf;
    doors: Doors;
    upstream: Upstream;
    compiler: FakeCompiler;
    ads: Ads;
    envoy: ChildProcess;
    stack: AsyncDisposableStack;
  }) {
    this.#options = given.options;
    this.authority = given.authority;
    this.#identity = given.identity;
    this.#doors = given.doors;
    this.#upstream = given.upstream;
    this.#compiler = given.compiler;
    this.#ads = given.ads;
    this.#envoy = given.envoy;
    this.#stack = given.stack;
    const { stdout, stderr } = given.envoy;
    if (stdout !== null) createInterface({ input: stdout }).on('line', (line) => this.#line(line));
    stderr?.setEncoding('utf8').on('data', (text: string) => (this.#complaints = (this.#complaints + text).slice(-20_000)));
  }

  static async start(options: RealProxyOptions): Promise<RealProxy> {
    await using stack = new AsyncDisposableStack();
    const authority = await newAuthority('everybody');
    const identity = await leaf(authority, { uris: [options.identity] });
    const upstream = stack.use(await Upstream.listen(options.upstreamPorts, await leaf(authority, options.names)));
    const [outbound, inbound, own, probe] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const folder = mkdtempSync(join(tmpdir(), 'lt-explain-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    const compiler = new FakeCompiler();
    // Bursts of changes are not what is looked at here: nothing waits.
    const clock = { ...realClock, after: (ms: number, work: () => void) => realClock.after(ms > 100 ? ms : 0, work) };
    const ads = stack.use(adsHandlers({ compiler, clock, authorize: () => ({ identity: 'test' }) }));
    const path = join(folder, 'xds');
    const server = await serveGrpc({ handlers: ads.handlers, listen: { path } });
    stack.defer(() => server.close());
    const envoy = await startEnvoy(path, join(folder, 'admin'));
    stack.defer(async () => {
      const ended = new Promise((resolve) => envoy.once('exit', resolve));
      envoy.kill('SIGKILL');
      await ended;
    });
    const doors = { outbound, inbound, own, probe };
    return new RealProxy({ options, authority, identity, doors, upstream, compiler, ads, envoy, stack: stack.move() });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }

  /** Gives the proxy this configuration and waits until it is in effect. Answers what of it Envoy refused. */
  async configure(compiled: Compiled): Promise<readonly Refusal[]> {
    this.#upstream.forget();
    const before = this.#compiler.class(className).cluster.peek();
    const next = await this.#staged(compiled, ++this.#generation);
    const names = new Set(next.clusters.map(({ name }) => name));
    const gone = [...before.keys()].filter((name) => !names.has(name));
    // What routes lead to is kept while they do: here it has to be gone before they come.
    if (gone.some((name) => next.listeners.some(({ bytes }) => Buffer.from(bytes).includes(name)))) {
      await this.#put({ clusters: next.clusters, listeners: next.listeners.filter(({ name }) => name === probeName) });
      await this.#put(await this.#staged(compiled, ++this.#generation));
    } else await this.#put(next);
    return this.#ads.distribution.refusals();
  }

  async #put({ listeners, clusters }: Staged): Promise<void> {
    const target = this.#compiler.class(className);
    together(() => {
      target.cluster.value = new Map(clusters.map((each) => [each.name, each]));
      target.listener.value = new Map(listeners.map((each) => [each.name, each]));
    });
    // The probe's listener comes last, and what is removed after it.
    await this.#until(
      async () =>
        (await this.#probe()) === generationText(this.#generation) &&
        (this.#ads.distribution.settled || this.#ads.distribution.refusals().length > 0),
    );
  }

  async #until(holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 20_000;
    while (!(await holds())) {
      if (this.#envoy.exitCode !== null || this.#envoy.signalCode !== null) throw new Error(`Envoy ended: ${this.#complaints}`);
      if (performance.now() > deadline) throw new Error(`Envoy has not taken a configuration: ${this.#complaints}`);
      await sleep(2);
    }
  }

  #staged(compiled: Compiled, generation: number): Promise<Staged> {
    return staged(compiled, {
      generation,
      ports: this.#upstream.ports,
      doors: this.#doors,
      identity: this.#identity,
      root: this.authority.pem,
      addressOf: this.#options.addressOf,
    });
  }

  /** What the proxy does with each of these, a few at a time. */
  async ask(requests: readonly Request[]): Promise<readonly Logged[]> {
    const observed: Logged[] = [];
    let next = 0;
    const work = async () => {
      for (let at = next++; at < requests.length; at = next++) {
        const request = requests[at];
        if (request !== undefined) observed[at] = await this.#askOne(request);
      }
    };
    await Promise.all(Array.from({ length: concurrently }, work));
    return observed;
  }

  /** For a moment both the old and the new listener take connections from one port: what the old one took is asked again. */
  async #askOne(request: Request): Promise<Logged> {
    for (let tries = 1; ; tries++) {
      const observed = await this.#askOnce(request);
      const { record, connection } = observed;
      const isPast = [record, connection].some((each) => each !== undefined && each.generation !== this.#generation);
      if (!isPast) return observed;
      if (tries === mostTries) throw new Error(`an earlier configuration stays in effect: ${observed.log.join('\n')}`);
    }
  }

  async #askOnce(request: Request): Promise<Logged> {
    // Not a number by itself, which could be that of a port.
    const id = `case${++this.#cases}`;
    const { outbound, inbound, own } = this.#doors;
    const { ports } = this.#upstream;
    const port = request.entry === 'outbound' ? outbound : request.entry === 'inbound' ? inbound : own;
    const named: Request =
      request.kind === 'http' ? { ...request, headers: [...sentHeaders(request), [caseHeader, id]] } : request;
    const arrivals = this.#upstream.arrivals(id);
    let from = '';
    const opened = (peer: string) => void (from = peer);
    const answer = await send(ports.real(named), { port, id, opened, authority: this.authority });
    const said = this.#said(from);
    const main = () => said.find(({ record }) => record.kind !== 'connection');
    const end = () => said.find(({ record }) => record.kind === 'connection');
    await this.#heard(() => end() !== undefined);
    // What a filter says of it may come after that. What a later connection's end finds unsaid is not said.
    if (main() === undefined) await this.#probe();
    this.#records.delete(from);
    return {
      answer: ports.told(answer),
      record: main()?.record,
      connection: end()?.record,
      arrivals,
      log: said.map(({ line }) => line),
    };
  }

  /** Waits for records until it holds, or for very long. */
  async #heard(holds: () => boolean): Promise<void> {
    for (const deadline = performance.now() + longestMs; !holds() && performance.now() < deadline;) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, deadline - performance.now());
      this.#waiting.add(resolve);
      await promise;
      this.#waiting.delete(resolve);
      clearTimeout(timer);
    }
  }

  /** What is said of a connection, also before it is known here that it is open. */
  #said(peer: string): Said[] {
    const said = this.#records.get(peer) ?? [];
    this.#records.set(peer, said);
    return said;
  }

  #line(real: string): void {
    const line = this.#upstream.ports.told(real);
    const record = recordOf(line);
    if (record === undefined) return;
    this.#said(record.peer).push({ line, record });
    for (const resolve of this.#waiting) resolve();
  }

  /** The generation that is in effect, once the connection that asked is in the access log with all that ended before. */
  async #probe(): Promise<string> {
    const socket = connect(this.#doors.probe, '127.0.0.1');
    let from = '';
    let generation = '';
    socket.on('connect', () => (from = `${socket.localAddress}:${socket.localPort}`));
    socket.on('data', (text: Buffer) => (generation += text.toString()));
    socket.on('error', () => {});
    await new Promise((resolve) => socket.on('close', resolve));
    if (generation !== '') await this.#heard(() => this.#said(from).length > 0);
    this.#records.delete(from);
    return generation;
  }
}

const sentHeaders = ({ headers, claims }: HttpRequest): HttpRequest['headers'] =>
  claims === undefined ? headers : [...headers, ['authorization', `Bearer ${tokenOf(claims)}`]];

async function startEnvoy(xds: string, admin: string): Promise<ChildProcess> {
  const node = {
    id: `sidecar~127.0.0.1~p.${className}~${className}.svc.cluster.local`,
    cluster: 'p',
    metadata: { NAMESPACE: className },
  };
  const bootstrap = {
    ...adsBootstrap(xds, 'delta', node, '0s'),
    admin: { address: { pipe: { path: admin } } },
    bootstrap_extensions: [
      {
        name: 'envoy.bootstrap.internal_listener',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener' },
      },
    ],
  };
  const args = [
    '--config-yaml',
    JSON.stringify(bootstrap),
    '--disable-hot-restart',
    '--concurrency',
    '1',
    '--log-level',
    'error',
    '--file-flush-interval-msec',
    '2',
    '--drain-time-s',
    '1',
    '--drain-strategy',
    'immediate',
  ];
  const child = spawn(await findEnvoy(), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => void child.kill('SIGKILL');
  process.on('exit', kill);
  child.on('exit', () => process.off('exit', kill));
  await until(
    () => child.pid !== undefined,
    () => 'Envoy to start',
  );
  return child;
}

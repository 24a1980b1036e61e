// The world of the redirection tests: a workload's and a peer's namespace, joined by a cable; programs run inside; all of it ends.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Run } from '../../src/node/redirect/apply.ts';
import { type ProxySockets, proxyMark, proxyUser } from '../../src/node/redirect/capture-options.ts';
import { spawnBehind } from '../../src/node/spawn-behind.ts';

export type Where = 'app' | 'peer';

/** One question: who calls what. The proxy is known to the rules by its user or its mark. */
export interface Question {
  readonly in: Where;
  readonly as: 'app' | 'proxy';
  readonly host: string;
  readonly port: number;
  readonly from?: string;
}

const program = readFileSync(new URL(import.meta.resolve('./redirect-peer.ts')), 'utf8');

/** The words before a program that make it run as Istio's proxy user. */
const asProxyUser = ['setpriv', '--reuid', String(proxyUser.uid), '--regid', String(proxyUser.gid), '--clear-groups', '--'];

const system = ([file = '', ...words]: readonly string[]) =>
  execFileSync(file, words, { stdio: ['ignore', 'ignore', 'inherit'] });
const ip = (...words: string[]) => system(['ip', ...words]);

export class World implements AsyncDisposable {
  /** How the rules know the proxy here. */
  readonly proxy: ProxySockets;
  /** The words before a program that make it run as the proxy. */
  readonly asProxy: readonly string[];
  readonly #names: Readonly<Record<Where, string>>;
  readonly #running: ChildProcess[] = [];

  constructor(prefix: string, knownBy: 'uid' | 'mark') {
    this.proxy = knownBy === 'uid' ? proxyUser : proxyMark;
    this.asProxy = knownBy === 'uid' ? asProxyUser : [];
    this.#names = { app: `${prefix}-app`, peer: `${prefix}-peer` };
  }

  /** The workload has .1 of each network, the peer .2 and (10.88.0.3) one more; 10.77.0.0/24 leads to nobody. */
  start(): void {
    const { app, peer } = this.#names;
    for (const name of [app, peer]) {
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
    }
    ip('-n', app, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', peer);
    for (const address of ['10.88.0.1/24', 'fd88::1/64', '10.99.0.1/24']) addAddress(app, address);
    for (const address of ['10.88.0.2/24', '10.88.0.3/24', 'fd88::2/64', '10.99.0.2/24']) addAddress(peer, address);
    for (const name of [app, peer]) ip('-n', name, 'link', 'set', 'eth0', 'up');
    ip('-n', app, 'route', 'add', '10.77.0.0/24', 'dev', 'eth0');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#running) child.kill('SIGKILL');
    for (const name of Object.values(this.#names)) {
      try {
        ip('netns', 'delete', name);
      } catch {
        // Not made, or gone already.
      }
    }
  }

  /** The words before a program that make it run in a namespace. */
  inside(where: Where): string[] {
    return ['nsenter', `--net=/run/netns/${this.#names[where]}`, '--'];
  }

  readonly run: Run = async (argv, stdin) => {
    const [file = '', ...words] = [...this.inside('app'), ...argv];
    const child = spawn(file, words, { stdio: ['pipe', 'pipe', 'pipe'] });
    const texts = Promise.all([child.stdout, child.stderr].map((stream) => stream.setEncoding('utf8').toArray()));
    child.stdin.on('error', () => {}).end(stdin ?? '');
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject).once('close', (found) => resolve(found ?? 128));
    });
    const [stdout = '', stderr = ''] = (await texts).map((pieces) => pieces.join(''));
    return { code, stdout, stderr };
  };

  /** A program that answers `NAME:PORT` on its ports, and on the proxy's where the call was going. */
  async serve(where: Where, ports: readonly number[]): Promise<void> {
    await this.#start(where, [], ['serve', where, ports]);
  }

  /** What answered each call, by `WHO -> ADDRESS:PORT`. Calls that go the same way run at once. */
  async ask(questions: readonly Question[]): Promise<Record<string, string>> {
    const answers: Record<string, string> = {};
    for (const where of ['app', 'peer'] as const) {
      for (const as of ['app', 'proxy'] as const) {
        const some = questions.filter((question) => question.in === where && question.as === as);
        if (some.length === 0) continue;
        const mark = as === 'proxy' && 'mark' in this.proxy ? this.proxy : {};
        const calls = some.map(({ host, port, from }) => ({ host, port, from, ...mark }));
        const heard = JSON.parse(await this.#start(where, as === 'proxy' ? this.asProxy : [], ['call', calls])) as string[];
        for (const [index, { host, port, from }] of some.entries()) {
          const who = `${where === 'peer' ? 'peer' : as}${from === undefined ? '' : ` from ${from}`}`;
          answers[`${who} -> ${host.includes(':') ? `[${host}]` : host}:${port}`] = heard[index] ?? '';
        }
      }
    }
    return answers;
  }

  /** Runs the peer program; resolves with its first line. */
  async #start(where: Where, asUser: readonly string[], order: unknown): Promise<string> {
    const argv = [process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '-e', program];
    const child = spawnBehind([...this.inside(where), ...asUser])([...argv, '--', JSON.stringify(order)]);
    this.#running.push(child);
    child.stderr.pipe(process.stderr);
    let text = '';
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      text += String(chunk);
      if (text.includes('\n')) return text;
    }
    throw new Error(`a program in ${where} ended without an answer`);
  }
}

const addAddress = (name: string, address: string) =>
  ip('-n', name, 'address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : []));

/** Questions from `HOST:PORT` or `HOST:PORT from ADDRESS`. */
export const calls = (where: Where, as: 'app' | 'proxy', ...targets: string[]): Question[] =>
  targets.map((target) => {
    const [, host = '', port, from] = /^\[?([^\]]+?)\]?:(\d+)(?: from (.+))?$/.exec(target) ?? [];
    return { in: where, as, host, port: Number(port), ...(from !== undefined && { from }) };
  });

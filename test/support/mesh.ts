// A whole mesh for end-to-end tests: `lateen up` on a state folder of its own, driven by the other verbs as a person would.

import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { connect } from '../../src/cli/client.ts';
import type { PodRow, StatusAnswer } from '../../src/control/api/contract.ts';
import { request, type Answer, type AskOptions } from './ask.ts';
import type { Ran, RunOptions } from './cli.ts';
import { until } from './until.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const program = `${root}bin/lateen`;
/** The Node that this checkout pins, for programs in pods. */
export const node = process.execPath;

export const sample = (path: string): string => `${root}samples/${path}`;

/** The user that ordinary users' tests run as when the tests themselves run as root. */
const nobody = 65534;

export interface MeshOptions {
  readonly files?: readonly string[];
  /** YAML besides the files, in a file of its own. */
  readonly text?: string;
  /** MeshConfig, as YAML. */
  readonly meshConfig?: string;
  readonly args?: readonly string[];
  /** Runs `lateen` as nobody. */
  readonly asNobody?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** Why a mesh of a kind cannot run here, for `skip`; false when it can. */
export function whyNoMesh({ asNobody = false }: { readonly asNobody?: boolean } = {}): string | false {
  const root = process.getuid?.() === 0;
  const user = asNobody && root ? asUser : [];
  const map = asNobody || !root ? ['-Ur'] : [];
  const [file, ...args] = [...user, 'unshare', ...map, '-nmp', '--fork', '--mount-proc', 'true'];
  const { status, stderr } = spawnSync(file, args, { encoding: 'utf8' });
  return status === 0 ? false : `no namespaces for ${asNobody ? 'ordinary users' : 'this user'} here: ${stderr.trim()}`;
}

/** A verb that takes longer is ended, and fails. */
const longestVerbMs = 60_000;

const asUser = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];

export class RunningMesh implements AsyncDisposable {
  /** The state folder; short, since sockets are in it. */
  readonly state = mkdtempSync('/tmp/lt-');
  readonly #options: MeshOptions;
  readonly #prefix: readonly string[];
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  #log = '';

  constructor(options: MeshOptions) {
    this.#options = options;
    this.#prefix = options.asNobody === true && process.getuid?.() === 0 ? asUser : [];
    if (this.#prefix.length > 0) chownSync(this.state, nobody, nobody);
  }

  /** Everything that the running `lateen up` has said. */
  get log(): string {
    return this.#log;
  }

  /** The process that was started; the sandbox is under it. */
  get pid(): number {
    assert.ok(this.#child?.pid !== undefined, 'the mesh was started');
    return this.#child.pid;
  }

  /** Starts `lateen up`, again after it was ended, and waits until it says that everything is ready. */
  async start(): Promise<void> {
    const { files = [], text, meshConfig, args = [] } = this.#options;
    const named = [...files, ...(text === undefined ? [] : [this.write('given.yaml', text)])];
    const config = meshConfig === undefined ? [] : ['--mesh-config', this.write('mesh-config.yaml', meshConfig)];
    const child = this.#spawn(['up', '--state', this.state, ...named.flatMap((file) => ['-f', file]), ...config, ...args]);
    this.#log = '';
    for (const output of [child.stdout, child.stderr])
      output?.setEncoding('utf8').on('data', (text: string) => (this.#log += text));
    this.#child = child;
    this.#ended = once(child, 'close');
    const kill = () => void child.kill('SIGKILL');
    process.on('exit', kill);
    child.on('exit', () => process.off('exit', kill));
    await until(
      () => {
        assert.equal(child.exitCode, null, `lateen up ended:\n${this.#log}`);
        return this.#log.includes('everything is ready');
      },
      () => `the mesh to be ready; it said:\n${this.#log}`,
      90_000,
    );
  }

  /** Ends it as Ctrl-C does. */
  async stop(): Promise<number | null> {
    this.#child?.kill('SIGTERM');
    await this.#ended;
    return this.#child?.exitCode ?? null;
  }

  /** Ends it without a word, as the kernel would. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.state, { recursive: true, force: true });
  }

  /** The host's port where a port of the ingress gateway (`443/udp` for datagrams) is published now. Another mesh on this machine may have the usual one. */
  async port(gatewayPort: number | `${number}/udp` = 80): Promise<number> {
    const name = `istio-system/istio-ingressgateway:${gatewayPort}`;
    const address = await until(
      async () => (await this.status()).addresses[name],
      () => `${name} to be published`,
    );
    return Number(address.slice(address.lastIndexOf(':') + 1));
  }

  /** A request through the ingress gateway. */
  async get(path: string, options: AskOptions = {}): Promise<Answer> {
    return request(`http://127.0.0.1:${await this.port()}${path}`, options);
  }

  /** Any verb, with the mesh's state folder. */
  async lateen(args: readonly string[], { input = '' }: RunOptions = {}): Promise<Ran> {
    const [verb = '', ...rest] = args;
    const child = this.#spawn([verb, '--state', this.state, ...rest]);
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    const late = setTimeout(() => child.kill('SIGTERM'), longestVerbMs);
    await once(child, 'close');
    clearTimeout(late);
    return { code: child.exitCode, stdout, stderr };
  }

  /** Applies files, or YAML text; fails when any of it is refused. */
  async apply(...what: readonly string[]): Promise<void> {
    await this.#change('apply', what);
  }

  async delete(...what: readonly string[]): Promise<void> {
    await this.#change('delete', what);
  }

  /** A command inside a workload; answers what it printed, and fails when it does. */
  async exec(workload: string, command: readonly string[], options: RunOptions = {}): Promise<string> {
    const ran = await this.lateen(['exec', workload, '--', ...command], options);
    assert.equal(ran.code, 0, `${command.join(' ')} in ${workload}: ${ran.stdout}${ran.stderr}`);
    return ran.stdout;
  }

  /** curl in a workload: the status (0: no answer) and the body. */
  async curl(workload: string, ...args: readonly string[]): Promise<{ readonly status: number; readonly body: string }> {
    const command = ['curl', '-sS', '-m', '10', '-w', '\n%{http_code}', ...args];
    const { stdout, stderr } = await this.lateen(['exec', workload, '--', ...command]);
    const [, body = '', status = '0'] = /^([^]*)\n(\d{3})$/.exec(stdout) ?? [];
    return { status: Number(status), body: Number(status) === 0 ? stderr : body };
  }

  /** A program that goes on inside a workload, with standard input and output piped. */
  execute(workload: string, command: readonly string[]): ChildProcess {
    return this.#spawn(['exec', '--state', this.state, workload, '--', ...command]);
  }

  /** A verb that goes on until it is ended. */
  begin([verb = '', ...rest]: readonly string[]): ChildProcess {
    return this.#spawn([verb, '--state', this.state, ...rest]);
  }

  status(): Promise<StatusAnswer> {
    return connect({ state: this.state }).get<StatusAnswer>('/v1/status');
  }

  async pods(): Promise<readonly PodRow[]> {
    return connect({ state: this.state }).get<PodRow[]>('/v1/pods');
  }

  /** The one pod whose name begins so. */
  async pod(name: string): Promise<PodRow> {
    const pods = await this.pods();
    const found = pods.filter((each) => each.name.startsWith(name));
    const [first] = found;
    assert.ok(first !== undefined && found.length === 1, `${name} is one of ${pods.map((each) => each.name).join(', ')}`);
    return first;
  }

  /** What a workload's Envoy says of one path of its admin interface. */
  async admin(workload: string, path: string, namespace?: string): Promise<string> {
    const query = { workload, path, ...(namespace !== undefined && { namespace }) };
    return (await connect({ state: this.state }).get<{ readonly body: string }>('/v1/proxy', query)).body;
  }

  /** The connections that a workload's Envoy ever made to a cluster's endpoints, and those of them that have ended. */
  async connections(workload: string, cluster: string): Promise<{ readonly made: number; readonly ended: number }> {
    let made = 0;
    let active = 0;
    for (const line of (await this.admin(workload, '/clusters')).split('\n')) {
      const [name, , stat, value] = line.split('::');
      if (name === cluster && stat === 'cx_total') made += Number(value);
      if (name === cluster && stat === 'cx_active') active += Number(value);
    }
    return { made, ended: made - active };
  }

  /** Writes a file beside the state, for `-f`. */
  write(name: string, text: string): string {
    const path = `${this.state}/${name}`;
    writeFileSync(path, text);
    chmodSync(path, 0o644);
    return path;
  }

  async #change(verb: 'apply' | 'delete', what: readonly string[]): Promise<void> {
    const files = what.filter((each) => !each.includes('\n'));
    const text = what.filter((each) => each.includes('\n')).join('\n---\n');
    const given = [...files, ...(text === '' ? [] : ['-'])];
    const ran = await this.lateen([verb, ...given.flatMap((file) => ['-f', file])], { input: text });
    assert.equal(ran.code, 0, `${verb}: ${ran.stdout}${ran.stderr}`);
  }

  #spawn(args: readonly string[]): ChildProcess {
    const [file = '', ...rest] = [...this.#prefix, program, ...args];
    const home = this.#prefix.length > 0 ? { HOME: this.state, XDG_CACHE_HOME: `${this.state}/cache` } : {};
    const env = { ...process.env, ...home, ...this.#options.env, NO_COLOR: '1' };
    return spawn(file, rest, { stdio: ['pipe', 'pipe', 'pipe'], env });
  }
}

/** A mesh that runs and is ready. */
export async function startMesh(options: MeshOptions): Promise<RunningMesh> {
  const mesh = new RunningMesh(options);
  try {
    await mesh.start();
    return mesh;
  } catch (error) {
    await mesh[Symbol.asyncDispose]();
    throw error;
  }
}

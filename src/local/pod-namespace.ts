// A pod's network, mount and UTS namespaces, held by one sleeping shell. Containers and the proxy enter them by its pid.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import type { Ran } from '../node/redirect/apply.ts';
import { dnsAddress, plainDnsAddress } from './addresses.ts';
import { run, type RunOptions } from './command.ts';
import { LocalError } from './local-error.ts';
import type { Network } from './network.ts';
import type { Tools } from './tools.ts';

/** Sets the namespaces up, says so, and sleeps until its standard input ends. Only positional arguments vary. */
const holdScript = `
hostname "$1" 2>/dev/null
echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start
shift
while [ $# -gt 1 ]; do
  [ -e "$2" ] && mount -n --bind "$1" "$2"
  shift 2
done
echo ready
while read -r _; do :; done
`;

/** In a mount namespace of its own: runs what follows with another name server than the pod's programs have. */
const resolvedScript = 'mount -n --bind "$0" /etc/resolv.conf && exec "$@"';

export interface PodNamespaceOptions {
  readonly tools: Tools;
  readonly network: Network;
  readonly namespace: string;
  readonly name: string;
  readonly hostname: string;
  readonly subdomain?: string | undefined;
  readonly address: string;
  /** Its programs' connections pass a proxy beside them, which knows addresses that nobody else does. */
  readonly proxied: boolean;
  /** A folder of this pod's own, inside the sandbox's tmpfs. */
  readonly folder: string;
  readonly hostAliases: readonly { readonly ip: string; readonly hostnames?: readonly string[] }[];
}

export class PodNamespace implements AsyncDisposable {
  readonly #options: PodNamespaceOptions;
  #holder: ChildProcess | undefined;

  constructor(options: PodNamespaceOptions) {
    this.#options = options;
  }

  /** The pid, inside the sandbox, whose namespaces are the pod's. */
  get pid(): number {
    const pid = this.#holder?.pid;
    if (pid === undefined) throw new LocalError('LAT2016', `${this.#options.name} has no namespaces`, 'start it first');
    return pid;
  }

  async start(): Promise<void> {
    const { tools, network, address, folder, hostname } = this.#options;
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    writeFileSync(this.#proxyResolver, this.#resolver(plainDnsAddress));
    const binds = Object.entries(this.#files()).flatMap(([target, text]) => {
      const source = `${folder}/${target.slice(target.lastIndexOf('/') + 1)}`;
      writeFileSync(source, text);
      return [source, target];
    });
    const holder = spawn(
      tools.unshare,
      ['--net', '--mount', '--uts', '--', tools.sh, '-c', holdScript, 'sh', hostname.slice(0, 63), ...binds],
      { stdio: 'pipe', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } },
    );
    this.#holder = holder;
    let problems = '';
    holder.stderr.setEncoding('utf8').on('data', (text: string) => (problems = (problems + text).slice(0, 2000)));
    const ready = new Promise<boolean>((resolve) => {
      holder.stdout.once('data', () => resolve(true));
      holder.once('exit', () => resolve(false)).once('error', () => resolve(false));
    });
    if (!(await ready)) {
      throw new LocalError(
        'LAT2013',
        `no namespaces for pod ${this.#options.name}: ${problems.trim()}`,
        'see the message of unshare',
      );
    }
    await network.connect(this.pid, address);
  }

  /** The words that put before a command make it run in the pod's network; with its files and host name too unless `net` alone. */
  enter(which: 'all' | 'net' = 'all', pid = this.pid): string[] {
    const all = which === 'all' ? ['--mount', '--uts'] : [];
    return [this.#options.tools.nsenter, '--target', String(pid), '--net', ...all, '--'];
  }

  /** The same for the pod's proxy, which resolves names to what they really mean. */
  enterAsProxy(): string[] {
    const { unshare, sh } = this.#options.tools;
    return [...this.enter(), unshare, '--mount', '--', sh, '-c', resolvedScript, this.#proxyResolver];
  }

  /** Runs a system program in the pod's network namespace, with every right over it, on the sandbox's own files. */
  run(argv: readonly string[], options?: RunOptions): Promise<Ran> {
    return run([...this.enter('net'), ...argv], options);
  }

  /** Ends whatever still runs in the pod's network, and with the last process the namespaces themselves. */
  async [Symbol.asyncDispose](): Promise<void> {
    const holder = this.#holder;
    if (holder?.pid !== undefined && holder.exitCode === null && holder.signalCode === null) {
      const gone = once(holder, 'exit');
      killThoseIn(`/proc/${holder.pid}/ns/net`);
      await gone;
    }
    rmSync(this.#options.folder, { recursive: true, force: true });
  }

  get #proxyResolver(): string {
    return `${this.#options.folder}/proxy-resolv.conf`;
  }

  #resolver(nameServer: string): string {
    const search = [`${this.#options.namespace}.svc.cluster.local`, 'svc.cluster.local', 'cluster.local'].join(' ');
    return `nameserver ${nameServer}\nsearch ${search}\noptions ndots:5\n`;
  }

  #files(): Record<string, string> {
    const { namespace, name, hostname, subdomain, address, proxied, hostAliases } = this.#options;
    const names = subdomain === undefined ? [hostname] : [`${hostname}.${subdomain}.${namespace}.svc.cluster.local`, hostname];
    const aliases = hostAliases.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}\n`).join('');
    return {
      '/etc/resolv.conf': this.#resolver(proxied ? dnsAddress : plainDnsAddress),
      '/etc/hosts': `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n${address}\t${names.join('\t')}\n${aliases}`,
      '/etc/hostname': `${name}\n`,
      // Without it, a desktop's resolver services would be asked before the mesh's name server.
      '/etc/nsswitch.conf':
        'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\nservices: files\nprotocols: files\n',
    };
  }
}

function killThoseIn(path: string): void {
  const target = namespaceOf(path);
  if (target === undefined) return;
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    if (namespaceOf(`/proc/${pid}/ns/net`) !== target) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself since.
    }
  }
}

function namespaceOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

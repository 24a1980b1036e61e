// What the redirection tests do inside: two namespaces, a workload and a peer, rules applied, calls made, answers printed as JSON.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { captureOptions } from '../../src/node/redirect/annotations.ts';
import { applyCapture, type RedirectTool, type Run } from '../../src/node/redirect/apply.ts';
import { type CaptureOptions, defaultCapture, proxyMark, proxyUser } from '../../src/node/redirect/capture-options.ts';
import { parseCidr } from '../../src/node/redirect/cidr.ts';
import { captureSet } from '../../src/node/redirect/rules.ts';
import { spawnBehind } from '../../src/node/spawn-behind.ts';

/** One question: who calls what. `proxy` is known to the rules, `inner` calls from the proxy's inner address. */
interface Question {
  readonly in: 'app' | 'peer';
  readonly as: 'app' | 'proxy';
  readonly host: string;
  readonly port: number;
  readonly from?: string;
}

const [tool, knownBy, prefix] = process.argv.slice(2) as [RedirectTool, 'uid' | 'mark', string];
const proxy = knownBy === 'uid' ? proxyUser : proxyMark;
const names = { app: `${prefix}-app`, peer: `${prefix}-peer` };
const running: ChildProcess[] = [];
const program = readFileSync(new URL(import.meta.resolve('./redirect-peer.ts')), 'utf8');

const system = ([file = '', ...words]: readonly string[]) =>
  execFileSync(file, words, { stdio: ['ignore', 'ignore', 'inherit'] });
const ip = (...words: string[]) => system(['ip', ...words]);

function makeNetwork(): void {
  for (const name of Object.values(names)) {
    ip('netns', 'add', name);
    ip('-n', name, 'link', 'set', 'lo', 'up');
  }
  ip('-n', names.app, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', names.peer);
  for (const address of ['10.88.0.1/24', 'fd88::1/64', '10.99.0.1/24']) addAddress(names.app, address);
  for (const address of ['10.88.0.2/24', '10.88.0.3/24', 'fd88::2/64', '10.99.0.2/24']) addAddress(names.peer, address);
  for (const name of Object.values(names)) ip('-n', name, 'link', 'set', 'eth0', 'up');
}

const addAddress = (name: string, address: string) =>
  ip('-n', name, 'address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : []));

const inside = (where: 'app' | 'peer') => ['nsenter', `--net=/run/netns/${names[where]}`, '--'];

const run: Run = async (argv, stdin) => {
  const [file = '', ...words] = [...inside('app'), ...argv];
  const child = spawn(file, words, { stdio: ['pipe', 'pipe', 'pipe'] });
  const [out, errors] = [child.stdout, child.stderr].map((stream) => stream.setEncoding('utf8').toArray());
  child.stdin.on('error', () => {}).end(stdin ?? '');
  const code = await new Promise<number>((resolve, reject) =>
    child.once('error', reject).once('close', (found) => resolve(found ?? 128)),
  );
  return { code, stdout: (await out)?.join('') ?? '', stderr: (await errors)?.join('') ?? '' };
};

/** Runs the peer program; resolves with its first line. */
async function start(where: 'app' | 'peer', asUser: readonly string[], order: unknown): Promise<string> {
  const argv = [process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '-e', program];
  const child = spawnBehind([...inside(where), ...asUser])([...argv, '--', JSON.stringify(order)]);
  running.push(child);
  child.stderr.pipe(process.stderr);
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    text += String(chunk);
    if (text.includes('\n')) return text;
  }
  throw new Error(`a program in ${where} ended without an answer`);
}

const setUser = ['setpriv', '--reuid', String(proxyUser.uid), '--regid', String(proxyUser.gid), '--clear-groups'];

/** Calls by the proxy carry the mark, or its user; all the others are the application's. */
async function ask(questions: readonly Question[]): Promise<Record<string, string>> {
  const answers: Record<string, string> = {};
  for (const where of ['app', 'peer'] as const) {
    for (const as of ['app', 'proxy'] as const) {
      const some = questions.filter((question) => question.in === where && question.as === as);
      if (some.length === 0) continue;
      const mark = as === 'proxy' && knownBy === 'mark' ? proxyMark : {};
      const calls = some.map(({ host, port, from }) => ({ host, port, from, ...mark }));
      const user = as === 'proxy' && knownBy === 'uid' ? setUser : [];
      const heard = JSON.parse(await start(where, user, ['call', calls])) as string[];
      some.forEach(({ host, port, from }, index) => {
        const who = where === 'peer' ? 'peer' : as;
        const key = `${who}${from === undefined ? '' : ` from ${from}`} -> ${host.includes(':') ? `[${host}]` : host}:${port}`;
        answers[key] = heard[index] ?? '';
      });
    }
  }
  return answers;
}

const calls = (where: 'app' | 'peer', as: 'app' | 'proxy', ...targets: string[]): Question[] =>
  targets.map((target) => {
    const [, host = '', port, from] = /^\[?([^\]]+?)\]?:(\d+)(?: from (.+))?$/.exec(target) ?? [];
    return { in: where, as, host, port: Number(port), ...(from !== undefined && { from }) };
  });

/** The address that only the proxy calls from has no mark on its calls: inbound clusters bind by themselves. */
const inner = calls('app', 'app', '10.88.0.1:8080 from 127.0.0.6', '[fd88::1]:8080 from ::6');

const questions: Readonly<Record<string, readonly Question[]>> = {
  default: [
    ...calls('app', 'app', '10.88.0.2:80', '[fd88::2]:80', '10.88.0.2:25', '10.99.0.2:80'),
    ...calls('app', 'app', '127.0.0.1:8080', '[::1]:8080', '10.88.0.1:8080', '[fd88::1]:8080'),
    ...calls(
      'app',
      'proxy',
      '10.88.0.2:80',
      '[fd88::2]:80',
      '127.0.0.1:8080',
      '10.88.0.1:8080',
      '[fd88::1]:8080',
      '10.88.0.1:15008',
    ),
    ...inner,
    ...calls(
      'peer',
      'app',
      '10.88.0.1:8080',
      '[fd88::1]:8080',
      '10.88.0.1:9000',
      '10.88.0.1:15008',
      '10.88.0.1:15021',
      '10.88.0.1:15090',
    ),
    ...calls('peer', 'app', '10.88.0.1:8080 from 10.88.0.3', '10.88.0.1:8081 from 10.88.0.3'),
  ],
  lists: [
    ...calls('app', 'app', '10.88.0.2:80', '10.88.0.2:443', '10.99.0.2:80'),
    ...calls('peer', 'app', '10.88.0.1:8080', '10.88.0.1:8081'),
  ],
  removed: [...calls('app', 'app', '10.88.0.2:80'), ...calls('peer', 'app', '10.88.0.1:8080', '[fd88::1]:8080')],
};

const annotation = (name: string) => `traffic.sidecar.istio.io/${name}`;

/** Options as a pod would ask for them. */
function options(annotations: Record<string, string>, more: Partial<CaptureOptions> = {}): CaptureOptions {
  const read = captureOptions(annotations, { ...defaultCapture, proxy, ...more });
  if (read.findings.length > 0) throw new Error(JSON.stringify(read.findings));
  return read.options;
}

const range = (text: string) => {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new Error(text);
  return cidr;
};

const sets: Readonly<Record<string, CaptureOptions>> = {
  default: options(
    {
      [annotation('excludeInboundPorts')]: '9000',
      [annotation('excludeOutboundPorts')]: '25',
      [annotation('excludeOutboundIPRanges')]: '10.99.0.0/24',
      [annotation('excludeInterfaces')]: 'net1,tun+',
    },
    {
      probeSources: [{ address: range('10.88.0.3'), ports: [8080] }],
      virtualInterfaces: ['docker0'],
      dns: { port: 15053, servers: [range('10.96.0.10'), range('fd96::10')] },
    },
  ),
  lists: options({
    [annotation('includeInboundPorts')]: '8080',
    [annotation('includeOutboundIPRanges')]: '10.99.0.0/24',
    [annotation('includeOutboundPorts')]: '443',
  }),
  removed: { ...defaultCapture, mode: 'NONE' },
};

try {
  makeNetwork();
  await start('app', [], ['serve', 'app', [15001, 15006, 15008, 15021, 15090, 8080, 8081, 9000]]);
  await start('peer', [], ['serve', 'peer', [80, 25, 443]]);
  const results: Record<string, Record<string, string>> = {};
  for (const [name, set] of Object.entries(sets)) {
    // Twice: what is there already must not stand in the way, nor add up.
    await applyCapture(captureSet(set), run, tool);
    await applyCapture(captureSet(set), run, tool);
    results[name] = await ask(questions[name] ?? []);
  }
  console.log(JSON.stringify(results));
} finally {
  for (const child of running) child.kill('SIGKILL');
  for (const name of Object.values(names)) {
    try {
      ip('netns', 'delete', name);
    } catch {
      // Not made, or gone already.
    }
  }
}

// A laptop platform without a mesh, for local.test.ts: `node local-mesh.ts outer|inner STATE …`, driven over a Unix socket.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { json, text } from 'node:stream/consumers';
import { diagnosticText, type Diagnostic } from '../../src/api/diagnostic.ts';
import { refOf } from '../../src/api/object.ts';
import { systemClock } from '../../src/local/clock.ts';
import { execCommand } from '../../src/local/exec.ts';
import { builtInImages, imagesOf } from '../../src/local/images.ts';
import { enterSandbox } from '../../src/local/inner.ts';
import { readLog } from '../../src/local/log-file.ts';
import type { AttachedProxy, RunningPod } from '../../src/local/mesh-hooks.ts';
import { newObject, storeObjects, type NewObject } from '../../src/local/objects.ts';
import { runOuter } from '../../src/local/outer.ts';
import { Platform } from '../../src/local/platform.ts';
import { meshOf } from '../../src/compile/compile.ts';
import { Store } from '../../src/store/store.ts';

const [mode = '', stateFolder = ''] = process.argv.slice(2);
/** The node binary where every user of the sandbox can reach it. */
let execInSandbox = process.execPath;
const home = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');

if (mode === 'outer') {
  process.exitCode = await runOuter({
    stateFolder,
    inner: [process.execPath, '--disable-warning=ExperimentalWarning', import.meta.filename, 'inner', stateFolder],
    publishAddress: '127.0.0.1',
    say: (line) => process.stdout.write(`${line}\n`),
    onReady: () => process.stdout.write('ready\n'),
  });
} else await inner();

/** In place of Envoy: a program of the pod's that says who runs it, on the port that a gateway has. */
async function attach(pod: RunningPod): Promise<AttachedProxy> {
  const program = `require('node:http').createServer((q, s) => s.end('proxy ' + process.getuid())).listen(8080)`;
  const [file, ...args] = [...pod.proxyPrefix, execInSandbox, '-e', program];
  const proxy = spawn(file, args, { stdio: 'inherit' });
  let listening = false;
  const poll = setInterval(() => {
    void pod.run(['curl', '-s', '127.0.0.1:8080']).then(({ code }) => (listening ||= code === 0));
  }, 100);
  await pod.run(['nft', 'add', 'table', 'inet', 'capture']);
  return {
    ready: () => listening && pod.annotations['test/proxy'] !== 'never',
    get state() {
      return listening ? 'ready' : 'starting';
    },
    async close() {
      clearInterval(poll);
      proxy.kill('SIGTERM');
      if (proxy.exitCode === null && proxy.signalCode === null) await once(proxy, 'exit');
    },
  };
}

async function inner(): Promise<void> {
  const sandbox = await enterSandbox({ stateFolder, home });
  execInSandbox = sandbox.samples.node;
  const store = new Store();
  const objects = storeObjects(store);
  const told: Diagnostic[] = [];
  const errors: string[] = [];
  const platform = new Platform({
    tools: sandbox.tools,
    network: sandbox.network,
    objects,
    images: imagesOf([], builtInImages(sandbox.samples)),
    mesh: { attach },
    gateways: () => meshOf(store).peek().gateways(),
    clock: systemClock,
    root: sandbox.root,
    path: process.env['PATH'] ?? '',
    podFolder: `${sandbox.memory}/pods`,
    logFolder: sandbox.folder.logs,
    report: (diagnostic) => told.push(diagnostic),
    onError: (error) => errors.push(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    publish: (ports) => sandbox.publish(ports),
  });
  platform.start();

  const server = createServer((request, response) => {
    const answer = async (): Promise<unknown> => {
      const url = new URL(request.url ?? '/', 'http://platform');
      const pod = () => platform.find(url.searchParams.get('pod') ?? '');
      switch (url.pathname) {
        case '/apply':
          for (const document of (await json(request)) as NewObject[]) objects.apply(newObject(document));
          return {};
        case '/delete':
          for (const document of (await json(request)) as NewObject[]) objects.delete(refOf(newObject(document)));
          return {};
        case '/list':
          return objects.list(url.searchParams.get('group') ?? '', url.searchParams.get('kind') ?? '').map(({ body }) => body);
        case '/pods':
          return platform.pods();
        case '/told':
          return { told: told.map(diagnosticText), errors };
        case '/published':
          return sandbox.published();
        case '/exec': {
          const found = pod();
          return found && execCommand(sandbox, found, found.mainContainer, (await json(request)) as string[]);
        }
        case '/logs': {
          const found = pod();
          const previous = url.searchParams.get('previous') === 'true';
          return found && (await text(readLog(found.logsOf(found.mainContainer), { previous })));
        }
        default:
          return undefined;
      }
    };
    answer().then(
      (value) => response.end(JSON.stringify(value ?? null)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  const socket = `${sandbox.folder.run}/control.sock`;
  rmSync(socket, { force: true });
  server.listen(socket, () => sandbox.ready());
  sandbox.stopping.addEventListener('abort', () => {
    void platform[Symbol.asyncDispose]().then(() => process.exit(0));
  });
}

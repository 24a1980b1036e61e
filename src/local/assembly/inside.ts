// `lateen up` inside its sandbox: control plane, name server, platform and proxies in one process, joined here and nowhere else.

import { mkdirSync } from 'node:fs';
import { computed } from '@preact/signals-core';
import { diagnosticText, type Diagnostic } from '../../api/diagnostic.ts';
import { createCompiler, meshOf } from '../../compile/compile.ts';
import type { Delivery } from '../../compile/configuration.ts';
import { ControlPlane } from '../../control/control-plane.ts';
import { createLog } from '../../control/log.ts';
import { stateFolder } from '../../control/state-folder.ts';
import { findEnvoy } from '../../node/envoy-binary.ts';
import { SocketClaims } from '../../node/claim.ts';
import { buildNameTable } from '../../node/dns/name-table.ts';
import { serveDns } from '../../node/dns/server.ts';
import { RecordBook } from '../../telemetry/record-book.ts';
import { dnsAddress, plainDnsAddress } from '../addresses.ts';
import { systemClock } from '../clock.ts';
import { admitServices } from '../controllers/services.ts';
import { builtInImages, imagesOf, readImagesFile } from '../images.ts';
import { enterSandbox, type Sandbox } from '../inner.ts';
import { storeObjects } from '../objects.ts';
import { Platform } from '../platform.ts';
import { podAccess } from '../pod-access.ts';
import { entrances } from './entrances.ts';
import { namedHosts } from './names.ts';
import { Progress } from './progress.ts';
import { Proxies } from './proxies.ts';

export interface InsideOptions {
  /** The state folder's path. */
  readonly state: string;
  /** Absolute paths of manifests. */
  readonly files: readonly string[];
  readonly images: string | undefined;
  readonly meshConfig: string | undefined;
  /** How long workload certificates hold; Istio's default unless told. */
  readonly certificateSeconds: number | undefined;
  readonly delivery: Delivery;
  /** Access records to keep of each workload; 0: none are written. */
  readonly records: number;
  /** The folder of this checkout. */
  readonly home: string;
}

/** Runs until the outer process asks for the end; resolves to the exit code. */
export async function runInside(options: InsideOptions): Promise<number> {
  const envoy = await findEnvoy();
  await using sandbox = await enterSandbox({ stateFolder: options.state, home: options.home });
  const log = createLog({ level: 'warn', pretty: process.stderr.isTTY });
  const claims = new SocketClaims();
  const stopped = new AbortController();
  const ended = AbortSignal.any([sandbox.stopping, stopped.signal]);
  await using control = new ControlPlane({
    state: stateFolder(options.state, {}),
    files: options.files,
    meshConfig: options.meshConfig,
    compiler: createCompiler,
    listen: {},
    log,
    authorizeSocket: (node, call) => claims.authorize(node, call),
    admit: (objects, store) => admitServices(objects, store.inEffect('', 'Service').all()),
    stop: () => stopped.abort(),
  });
  await control.start();

  const mesh = meshOf(control.store);
  const tables = {
    [dnsAddress]: computed(() => buildNameTable(namedHosts(mesh.value, { proxied: true }))),
    [plainDnsAddress]: computed(() => buildNameTable(namedHosts(mesh.value, { proxied: false }))),
  };
  const onError = (error: unknown): void => log.error({ err: error }, 'something broke; the rest goes on');
  // Outlives the pods, which may look names up as they end; none asks before the platform has started it.
  await using nameServers = new AsyncDisposableStack();
  for (const [address, table] of Object.entries(tables)) {
    const server = await serveDns({
      listen: [{ address, port: 53 }],
      table: () => table.value,
      onOutside: (client, name) => platform.askedOutside(client, name),
      onError,
    });
    nameServers.use(server);
  }

  const report = (diagnostic: Diagnostic): void => void process.stderr.write(`${diagnosticText(diagnostic)}\n`);
  // Envoy, as its own user, passes through here to its socket; it may not list what is here.
  const runFolder = `${sandbox.memory}/proxies`;
  mkdirSync(runFolder, { mode: 0o711 });
  const records = options.records === 0 ? undefined : new RecordBook(options.records);
  const proxies = new Proxies({
    control,
    claims,
    envoy,
    runFolder,
    logFolder: sandbox.folder.logs,
    certificateSeconds: options.certificateSeconds,
    delivery: options.delivery,
    records,
    report,
    onError,
  });
  await using platform = new Platform({
    tools: sandbox.tools,
    network: sandbox.network,
    objects: storeObjects(control.store),
    images: imagesFor(options, sandbox, report),
    mesh: proxies,
    gateways: () => mesh.peek().gateways(),
    clock: systemClock,
    root: sandbox.root,
    path: process.env['PATH'] ?? '',
    podFolder: `${sandbox.memory}/pods`,
    logFolder: sandbox.folder.logs,
    report,
    onError,
    publish: (ports) => sandbox.publish(ports),
  });
  using progress = new Progress({
    platform,
    say: (line) => void process.stdout.write(`${line}\n`),
    entrances: () => entrances(sandbox.published(), mesh.peek()),
    ready: () => {
      control.logFindings();
      sandbox.ready();
    },
  });
  control.attach({
    ...podAccess(platform, sandbox),
    start: () => progress.report(),
    published: () => Object.fromEntries(sandbox.published().map(({ name, address, port }) => [name, `${address}:${port}`])),
    proxies: () => proxies.reports(),
    records,
    proxyAdmin: (pod, method, path) => proxies.admin(pod, method, path),
  });
  platform.start();
  progress.start();
  if (!ended.aborted) await new Promise((resolve) => ended.addEventListener('abort', resolve, { once: true }));
  return 0;
}

function imagesFor({ images }: InsideOptions, sandbox: Sandbox, report: (diagnostic: Diagnostic) => void) {
  const file = images === undefined ? { rules: [], diagnostics: [] } : readImagesFile(images);
  for (const diagnostic of file.diagnostics) report(diagnostic);
  return imagesOf(file.rules, builtInImages(sandbox.samples));
}

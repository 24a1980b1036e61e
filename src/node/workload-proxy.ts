// One workload's side of the host agent: certificate, socket, redirection and Envoy, started in that order, ended in reverse.

import { computed, type ReadonlySignal, signal } from '@preact/signals-core';
import { formatSpiffeId } from '../ca/spiffe.ts';
import type { GrpcHandler } from '../lib/grpc/call.ts';
import { serveGrpc } from '../lib/grpc/server.ts';
import { type Amendment, bootstrapJson, type BootstrapSpec } from './bootstrap.ts';
import { bootstrapRefusal } from './bootstrap-check.ts';
import type { SocketClaims } from './claim.ts';
import { type EnvoyOptions, EnvoyProcess, type EnvoyState, type Spawn } from './envoy.ts';
import { FileSecrets, type SecretTrouble } from './identity/file-secrets.ts';
import { secretHandlers } from './identity/sds.ts';
import type { OpenFile } from './identity/secret-file.ts';
import type { WorkloadIdentity } from './identity/workload-identity.ts';
import { type ProxyDescription, proxyNode } from './proxy-node.ts';
import { applyCapture, type Run } from './redirect/apply.ts';
import type { CaptureOptions } from './redirect/capture-options.ts';
import { captureSet } from './redirect/rules.ts';
import { RunFolder } from './run-folder.ts';

/** A workload and the place that its platform made for it. */
export interface WorkloadSpec extends Omit<ProxyDescription, 'interceptionMode'> {
  /** What is captured, and how its rules know the proxy; a router captures nothing. */
  readonly capture: CaptureOptions;
  /** Runs a program to its end in the workload's network namespace, with the right to change it. */
  readonly runInNamespace: Run;
  /** Starts Envoy in the workload's network namespace, as the user or with the capabilities that `capture.proxy` asks for. */
  readonly spawnProxy: Spawn;
  /** Opens a file of the workload's, by its path there, for secrets that configuration names by files; without it there are none. */
  readonly openFile?: OpenFile;
  /** An absolute path, short enough for sockets in it; made and removed here. */
  readonly runFolder: string;
  /** Where Envoy's log is kept; not inside the run folder, which belongs to Envoy's user. */
  readonly logFile?: string;
  /** How its process runs. */
  readonly process?: Pick<EnvoyOptions, 'concurrency' | 'drainSeconds' | 'terminationSeconds' | 'flushInterval' | 'flushSize'>;
  /** What its bootstrap has besides. */
  readonly bootstrap?: Pick<BootstrapSpec, 'maxConnections' | 'statsPrefixes' | 'statsSuffixes' | 'statsRegexps' | 'runtime'>;
  /** Changes the bootstrap; told where Envoy does not start with it, and is not asked again. */
  readonly amend?: (Amendment & { refused(reason: string): void }) | undefined;
}

/** What others do for a workload's proxy. */
export interface WorkloadServices {
  /** Path of the Envoy binary. */
  readonly envoy: string;
  /** Started and ended with the proxy. */
  readonly identity: Pick<WorkloadIdentity, 'id' | 'credential' | 'lastError' | 'start' | typeof Symbol.asyncDispose>;
  /** ADS, the same for all workloads, which asks `claims` who may have what. */
  readonly ads: Readonly<Record<string, GrpcHandler>>;
  readonly claims: SocketClaims;
  /** Takes this workload's access records, if its description says so. */
  readonly records?: Readonly<Record<string, GrpcHandler>> | undefined;
  /** Files are named for TLS that cannot be used. */
  readonly onSecretTrouble?: ((trouble: SecretTrouble) => void) | undefined;
  /** What went wrong inside handlers, or in taking rules away, for the log. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

export interface WorkloadProxyState {
  readonly proxy: EnvoyState;
  /** `spiffe://…`. */
  readonly identity: string;
  readonly certificateExpires: Date | undefined;
  /** Why there is no newer certificate, when the last attempt failed. */
  readonly certificateError: string | undefined;
  /** Whether its Envoy has got its clusters and listeners since it started: before that it is never ready. */
  readonly configured: boolean;
}

const noFiles: OpenFile = () => Promise.reject(new Error('this workload has no files'));

/** More cores than any host has that an Envoy should use all of. */
const mostWorkers = 512;

const notStarted: EnvoyState = { phase: 'stopped', reason: 'not started', pid: undefined, restarts: 0 };

export class WorkloadProxy {
  /** The node id that this workload's Envoy, and no other, uses on the socket. */
  readonly nodeId: string;
  readonly state: ReadonlySignal<WorkloadProxyState>;
  readonly #spec: WorkloadSpec;
  readonly #services: WorkloadServices;
  readonly #description: ProxyDescription;
  readonly #envoy = signal<EnvoyProcess | undefined>(undefined);
  #folder: RunFolder | undefined;
  #undo = new AsyncDisposableStack();
  #starting: Promise<void> | undefined;

  constructor(spec: WorkloadSpec, services: WorkloadServices) {
    this.#spec = spec;
    this.#services = services;
    this.#description = { ...spec, interceptionMode: spec.kind === 'router' ? 'NONE' : spec.capture.mode };
    this.nodeId = proxyNode(this.#description).id;
    this.state = computed(() => {
      const proxy = this.#envoy.value?.state.value ?? notStarted;
      const configured = proxy.phase === 'ready' || proxy.phase === 'draining';
      return {
        proxy,
        identity: formatSpiffeId(services.identity.id),
        certificateExpires: services.identity.credential.value?.notAfter,
        certificateError: services.identity.lastError.value?.message,
        configured,
      };
    });
  }

  /** The Unix socket of Envoy's admin interface, for `adminRequest`; undefined before `start`. */
  get adminSocket(): string | undefined {
    return this.#folder?.adminSocket;
  }

  /** The last lines of Envoy's log. */
  get logLines(): readonly string[] {
    return this.#envoy.value?.log.lines ?? [];
  }

  /**
   * Starts everything; resolves once Envoy's process is under way (`ready` waits for more). If a step fails, what was done
   * before it is undone, and the error is thrown.
   */
  async start(): Promise<void> {
    this.#starting ??= this.#start();
    await this.#starting;
  }

  /** Resolves once Envoy has its configuration and serves, or has been stopped. */
  async ready(): Promise<void> {
    await this.#starting;
    await this.#envoy.value?.ready();
  }

  /** Ends Envoy, gracefully unless told otherwise, and takes rules, socket, certificate and folder away. */
  async stop({ graceful = true }: { readonly graceful?: boolean } = {}): Promise<void> {
    await this.#starting?.catch(() => {});
    await this.#envoy.value?.stop({ graceful });
    const undo = this.#undo;
    this.#undo = new AsyncDisposableStack();
    await undo.disposeAsync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop({ graceful: false });
  }

  async #start(): Promise<void> {
    await using undo = new AsyncDisposableStack();
    const { identity, ads, records, claims, envoy, onError, onSecretTrouble } = this.#services;
    const { capture, kind, runFolder, runInNamespace, spawnProxy, logFile, amend } = this.#spec;
    const sockets = capture.proxy;
    const folder = undo.use(await RunFolder.open(runFolder, 'uid' in sockets ? sockets : undefined));

    // The certificate comes first: a proxy without one refuses every peer. If the authority cannot be reached now the
    // proxy starts all the same, and gets its certificate when there is one.
    undo.use(identity);
    await identity.start();

    const { agentSocket, adminSocket, bootstrapFile } = folder;
    const mark = 'mark' in sockets && kind === 'sidecar' ? { mark: sockets.mark } : {};
    const bootstrap = { ...this.#spec.bootstrap, proxy: this.#description, agentSocket, adminSocket, ...mark };
    await folder.writeBootstrap(bootstrapJson({ ...bootstrap, amend }));
    const refusal = amend && (await bootstrapRefusal(envoy, bootstrapFile));
    if (refusal !== undefined) {
      amend?.refused(refusal);
      await folder.writeBootstrap(bootstrapJson(bootstrap));
    }
    const sds = secretHandlers({
      credential: identity.credential,
      files: new FileSecrets({ open: this.#spec.openFile ?? noFiles, onTrouble: (trouble) => onSecretTrouble?.(trouble) }),
      onRejected: (reason) => onError?.(new Error(`${this.nodeId} did not take a secret: ${reason}`)),
    });
    const handlers = { ...sds, ...ads, ...records };
    undo.use(claims.hold(agentSocket, proxyNode(this.#description), formatSpiffeId(identity.id)));
    // One Envoy has one stream each for ADS, SDS and on-demand clusters, and each worker one for records; a few more cover reconnections.
    undo.use(
      await serveGrpc({ handlers, listen: { path: agentSocket }, maxConnections: 16 + mostWorkers, ...(onError && { onError }) }),
    );
    await folder.handOver();

    // Rules stand before Envoy runs and after it ends: what should be captured is refused rather than let through in plaintext.
    if (kind === 'sidecar') {
      undo.defer(async () => {
        await applyCapture([], runInNamespace).catch((error: unknown) => onError?.(error));
      });
      await applyCapture(captureSet(capture), runInNamespace);
    }

    const log = logFile === undefined ? {} : { log: { file: logFile } };
    const proxy = new EnvoyProcess({
      binary: envoy,
      bootstrapFile,
      adminSocket,
      spawn: spawnProxy,
      ...this.#spec.process,
      ...log,
    });
    undo.use(proxy);
    proxy.start();
    this.#folder = folder;
    this.#envoy.value = proxy;
    this.#undo = undo.move();
  }
}

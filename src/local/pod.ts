// One pod of the laptop from its namespaces to its end: proxy first, init containers in order, containers, and all of it back.

import { setTimeout as delay } from 'node:timers/promises';
import { errorText } from '../api/coded-error.ts';
import { diagnose, type Diagnostic } from '../api/diagnostic.ts';
import type { ApiObject, Path } from '../api/object.ts';
import { proxyMark, proxyUser } from '../node/redirect/capture-options.ts';
import { Container, type RestartPolicy } from './container.ts';
import type { MeshRole } from './injection.ts';
import {
  bodyOf,
  type ContainerSpec,
  type LifecycleHandler,
  type OwnerReference,
  type PodBody,
  type PodSpec,
  type PodStatus,
} from './kubernetes.ts';
import { logFiles, type LogFiles } from './log-file.ts';
import type { AttachedProxy, RunningPod } from './mesh-hooks.ts';
import { mountedFiles } from './mounted-files.ts';
import type { PodHost } from './pod-host.ts';
import { PodNamespace } from './pod-namespace.ts';
import { PodPrograms } from './pod-programs.ts';
import { podStatus } from './pod-status.ts';
import { checkHttp, probeCheck, type ProbeTarget } from './probe-check.ts';
import { proxyVolumes, type ProxyVolumes } from './proxy-volumes.ts';

export interface PodOptions {
  readonly object: ApiObject;
  readonly uid: string;
  readonly address: string;
  readonly role: MeshRole;
  /** After each change of the pod's status. */
  readonly changed: () => void;
}

export class Pod {
  readonly #host: PodHost;
  readonly #options: PodOptions;
  readonly #spec: PodSpec;
  readonly #volumes: ProxyVolumes;
  readonly #namespace: PodNamespace;
  readonly #programs: PodPrograms;
  readonly #startTime: string;
  readonly #inits: readonly Container[];
  readonly #containers: readonly Container[];
  #proxy: AttachedProxy | undefined;
  #connected = false;
  #initialized = false;
  #stopping: Promise<void> | undefined;
  #starting: Promise<void> = Promise.resolve();

  constructor(host: PodHost, options: PodOptions) {
    this.#host = host;
    this.#options = options;
    const { object, uid, address } = options;
    const { name, namespace, annotations } = object.metadata;
    this.#spec = bodyOf<PodBody>(object).spec;
    this.#volumes = proxyVolumes(this.#spec, annotations);
    const folder = `${host.podFolder}/${uid}`;
    this.#startTime = new Date(host.clock.now()).toISOString();
    this.#namespace = new PodNamespace({
      tools: host.tools,
      network: host.network,
      namespace,
      name,
      hostname: this.#spec.hostname ?? name,
      subdomain: this.#spec.subdomain,
      address,
      proxied: options.role === 'sidecar',
      folder,
      hostAliases: this.#spec.hostAliases ?? [],
    });
    this.#programs = new PodPrograms(host, this.#namespace, {
      object,
      uid,
      address,
      folder,
      volumes: this.#volumes.volumes,
      report: (severity, code, path, message, help) => this.#report(code, path, severity, message, help),
    });
    const policy = (this.#spec.restartPolicy ?? 'Always') as RestartPolicy;
    this.#inits = (this.#spec.initContainers ?? []).map((container, index) =>
      this.#container(
        container,
        ['initContainers', index],
        container.restartPolicy === 'Always' ? 'Always' : policy === 'Never' ? 'Never' : 'OnFailure',
      ),
    );
    // A gateway's container is a place-holder for Envoy, which is the proxy here.
    this.#containers = (options.role === 'router' ? [] : this.#spec.containers).map((container, index) =>
      this.#container(container, ['containers', index], policy),
    );
  }

  get object(): ApiObject {
    return this.#options.object;
  }

  get uid(): string {
    return this.#options.uid;
  }

  get address(): string {
    return this.#options.address;
  }

  get role(): MeshRole {
    return this.#options.role;
  }

  /** The proxy's word for its state; undefined for a pod outside the mesh. */
  get proxyState(): string | undefined {
    return this.#options.role === 'none' ? undefined : (this.#proxy?.state ?? 'starting');
  }

  get proxyReady(): boolean {
    return this.#proxy?.ready() === true;
  }

  get stopping(): boolean {
    return this.#stopping !== undefined;
  }

  get containers(): readonly Container[] {
    return [...this.#inits, ...this.#containers];
  }

  /** The container that is meant where none is named; empty in a gateway, which has Envoy alone. */
  get mainContainer(): string {
    return this.#containers[0]?.name ?? '';
  }

  /** Where a container's output is kept. */
  logsOf(container: string): LogFiles {
    const { name, namespace } = this.#options.object.metadata;
    return logFiles(`${this.#host.logFolder}/${namespace}/${name}`, container);
  }

  /** The words that make a command run beside a container, with its mounts while it runs. */
  enterContainer(name: string): string[] {
    return this.#namespace.enter('all', this.containers.find((each) => each.name === name)?.pid);
  }

  /** How the container's programs run: what a command beside it needs too. */
  get programs(): PodPrograms {
    return this.#programs;
  }

  /** Begins; what goes wrong on the way is reported, and shows in the status. */
  start(): void {
    this.#starting = this.#begin().catch((error: unknown) => {
      if (this.stopping) return;
      this.#report('LAT2005', [], 'error', `cannot start: ${errorText(error)}`, 'see the message; delete the pod to try again');
    });
  }

  /** Looks again at what containers wait for: an image's rule, a ConfigMap. */
  retry(): void {
    if (!this.#connected || this.stopping) return;
    this.#programs.fillVolumes();
    if (this.#initialized) for (const container of this.#containers) container.start();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  status(): PodStatus {
    return podStatus({
      address: this.#connected ? this.#options.address : undefined,
      startTime: this.#startTime,
      initialized: this.#initialized,
      proxyReady: this.#options.role === 'none' || this.proxyReady,
      stopping: this.stopping,
      containers: this.#containers.map((container) => container.status()),
      initContainers: this.#inits.map((container) => container.status()),
      restartPolicy: this.#spec.restartPolicy ?? 'Always',
    });
  }

  async #begin(): Promise<void> {
    const { role, changed } = this.#options;
    await this.#namespace.start();
    if (this.stopping) return;
    this.#connected = true;
    for (const { annotation, ...wrong } of this.#volumes.wrong) {
      const finding = { code: 'IST0125', severity: 'warning', ...wrong } as const;
      this.#host.report(diagnose(this.#options.object, ['metadata', 'annotations', annotation], finding));
    }
    this.#programs.fillVolumes();
    changed();
    if (role !== 'none') {
      this.#proxy = await this.#host.mesh.attach(this.#running(role), changed);
      while (!this.#proxy.ready() && !this.stopping) await delay(20);
    }
    for (const container of this.#inits) {
      if (this.stopping) return;
      await this.#runInit(container);
    }
    if (this.stopping) return;
    this.#initialized = true;
    for (const container of this.#containers) container.start();
    changed();
  }

  async #runInit(container: Container): Promise<void> {
    container.start();
    const spec = this.#spec.initContainers?.find(({ name }) => name === container.name);
    while (!this.stopping) {
      if (spec?.restartPolicy === 'Always' ? container.started : container.state.is === 'terminated') return;
      if (container.state.is === 'waiting') container.start();
      await delay(50);
    }
  }

  async #end(): Promise<void> {
    this.#options.changed();
    // A program that no longer listens refuses whoever has not heard yet that it left its services.
    if (this.#containers.some(({ ready }) => ready)) await this.#host.mesh.caughtUp?.();
    const graceMs = (this.#spec.terminationGracePeriodSeconds ?? 30) * 1000;
    await Promise.all(this.#containers.map((container) => container.stop(graceMs)));
    await Promise.all(this.#inits.map((container) => container.stop(graceMs)));
    await this.#starting;
    await this.#proxy?.close();
    await this.#namespace[Symbol.asyncDispose]();
  }

  #running(role: 'sidecar' | 'router'): RunningPod {
    const { object, uid, address } = this.#options;
    const { name, namespace, labels, annotations } = object.metadata;
    const pod = this.#namespace;
    return {
      name,
      namespace,
      uid,
      address,
      labels,
      annotations,
      serviceAccount: this.#programs.serviceAccount,
      owner: this.#owner(),
      role,
      object,
      pid: pod.pid,
      run: (argv: readonly string[], input?: string) => pod.run(argv, { input }),
      openFile: mountedFiles(
        this.#volumes.mounts.map(({ volume, ...mount }) => ({ ...mount, folder: this.#programs.volumeFolder(volume) })),
      ),
      proxyPrefix: [...pod.enterAsProxy(), ...this.#programs.asProxyUser()],
      proxySockets: this.#host.root ? proxyUser : proxyMark,
    };
  }

  #container(spec: ContainerSpec, path: Path, restartPolicy: RestartPolicy): Container {
    const { host, changed } = { host: this.#host, changed: this.#options.changed };
    const { name } = this.#options.object.metadata;
    const exec = (command: readonly string[], timeoutMs: number) =>
      this.#programs.exec(spec, this.enterContainer(spec.name), command, timeoutMs);
    const target = { address: this.#options.address, ports: spec.ports ?? [], exec };
    return new Container({
      spec,
      restartPolicy,
      clock: host.clock,
      log: this.logsOf(spec.name),
      launch: (openLog) => this.#programs.launch(spec, path, openLog),
      check: (probe) => probeCheck(probe, target),
      hook: (handler, timeoutMs) => this.#hook(handler, target, timeoutMs),
      changed,
      died: ({ exitCode, signal }, inARow, failure) => {
        // Once at the first death and again each time the wait has become long; not at every turn of the loop.
        if (inARow % 5 !== 0 || (exitCode === 0 && restartPolicy !== 'Always')) return;
        const how = failure ?? `ended by itself with ${signal ?? `exit code ${exitCode}`}`;
        this.#report(
          'LAT2004',
          path,
          'warning',
          `container ${spec.name} ${how}`,
          `see lateen logs ${name} -c ${spec.name} --previous`,
        );
      },
    });
  }

  #owner(): OwnerReference | undefined {
    return bodyOf<PodBody>(this.#options.object).metadata.ownerReferences?.find(({ controller }) => controller === true);
  }

  async #hook(handler: LifecycleHandler, target: ProbeTarget, timeoutMs: number): Promise<void> {
    if (handler.sleep !== undefined) await delay(Math.min(handler.sleep.seconds * 1000, timeoutMs));
    else if (handler.exec !== undefined) await target.exec(handler.exec.command ?? [], timeoutMs);
    else if (handler.httpGet !== undefined) await checkHttp(handler.httpGet, target, timeoutMs);
  }

  #report(code: Diagnostic['code'], path: Path, severity: Diagnostic['severity'], message: string, help: string): void {
    this.#host.report(diagnose(this.#options.object, ['spec', ...path], { code, severity, message, help }));
  }
}

// The control plane assembled: sources fill the store, the compiler reads it, xDS serves it; the API and debug ports look on.

import { effect } from '@preact/signals-core';
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import type { Registry } from 'prom-client';
import { decode } from '../api/decode.ts';
import { diagnosticText, type Diagnostic } from '../api/diagnostic.ts';
import type { ApiObject } from '../api/object.ts';
import { meshConfigDefaults } from '../api/mesh-config.ts';
import type { Authenticator } from '../ca/authenticate.ts';
import { openAuthority, type Authority } from '../ca/authority.ts';
import { openTokens, type Tokens } from '../ca/tokens.ts';
import type { Compiler } from '../compile/configuration.ts';
import type { GrpcServer } from '../lib/grpc/server.ts';
import { EmbeddedStore } from '../sources/embedded/store.ts';
import { readText } from '../sources/file-tree.ts';
import { FilesSource } from '../sources/files.ts';
import { Layers } from '../sources/layers.ts';
import { meshConfigMap, meshNetworksMap, readMeshConfig } from '../sources/mesh-config.ts';
import type { Changes } from '../sources/source.ts';
import { StoreSource } from '../sources/store.ts';
import { Store } from '../store/store.ts';
import { adsHandlers, type Ads } from '../xds/ads.ts';
import { realClock } from '../xds/clock.ts';
import { xdsMetrics } from '../xds/metrics.ts';
import { addressText, type ListenAddress } from './address.ts';
import { apiApp } from './api/app.ts';
import { closed, serveSocket } from './api/socket.ts';
import { authorizer, type AuthorizeSocket } from './authorize.ts';
import { ControlError, listenError } from './control-error.ts';
import { debugApp } from './debug.ts';
import { DiagnosticBoard } from './diagnostic-board.ts';
import { readEarlierForms, writeEarlierForms, type EarlierForms } from './earlier-forms.ts';
import type { Logger } from './log.ts';
import { controlRegistry } from './metrics.ts';
import type { Platform } from './platform.ts';
import { refusalDiagnostics } from './refusals.ts';
import { openStateFolder, type StateFolder } from './state-folder.ts';
import { Succession } from './succession.ts';
import { version } from './version.ts';
import { servePlaintext, serveTls } from './xds-servers.ts';

export interface ControlOptions {
  readonly state: StateFolder;
  /** `-f`: files and folders to watch, below what was applied. */
  readonly files: readonly string[];
  /** MeshConfig YAML; without it a ConfigMap `istio` in the root namespace, else Istio's defaults. */
  readonly meshConfig?: string | undefined;
  /** What compiles the store for the proxies. */
  readonly compiler: (store: Store) => Compiler;
  /** A port that is left out is not opened. */
  readonly listen: { readonly tls?: ListenAddress; readonly plaintext?: ListenAddress; readonly http?: ListenAddress };
  readonly log: Logger;
  /** Decides for workloads' Unix sockets, where a node agent in this process serves them. */
  readonly authorizeSocket?: AuthorizeSocket;
  /** Completes objects on their way into the store, as the API server of a platform does. */
  readonly admit?: (objects: readonly ApiObject[], store: Store) => readonly ApiObject[];
  /** Ends the process in order, for `lateen down`. */
  readonly stop?: () => void;
  readonly now?: () => Date;
}

/** What the process keeps of a started control plane. */
interface Running {
  readonly authority: Authority;
  readonly tokens: Tokens;
  readonly ads: Ads;
  readonly compiler: Compiler;
  readonly registry: Registry;
}

export class ControlPlane {
  readonly store = new Store();
  readonly diagnostics = new DiagnosticBoard(() => this.#compiled());
  readonly #options: ControlOptions;
  readonly #opened = new AsyncDisposableStack();
  readonly #addresses: Record<string, string> = {};
  #running: Running | undefined;
  #platform: Platform | undefined;
  #succession: Succession | undefined;
  #forms: EarlierForms = { forms: [], absent: [] };
  #ready = false;
  #logged = new Set<string>();

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  /** Where it listens, by what for; ports are the real ones. */
  get addresses(): Readonly<Record<string, string>> {
    return this.#addresses;
  }

  get authority(): Authority {
    return this.#parts().authority;
  }

  get tokens(): Tokens {
    return this.#parts().tokens;
  }

  /** From now on the API reaches workloads through `platform`. */
  attach(platform: Platform): void {
    this.#platform = platform;
  }

  /** For more gRPC servers: a socket per workload. */
  get ads(): Ads {
    return this.#parts().ads;
  }

  get compiler(): Compiler {
    return this.#parts().compiler;
  }

  /** For more metrics on the same page. */
  get registry(): Registry {
    return this.#parts().registry;
  }

  /** Opens everything, in order; when one thing fails, closes what was open and throws an error with its help. */
  async start(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(): Promise<void> {
    const { state, files, log, listen, meshConfig } = this.#options;
    const now = this.#options.now ?? ((): Date => new Date());
    openStateFolder(state);
    const embedded = this.#opened.adopt(new EmbeddedStore(state.database, now), (store) => store.close());
    const sources = this.#opened.use(new Layers([new StoreSource(embedded, decode), new FilesSource(files, decode)]));
    await sources.start((changes) => this.#take(changes));
    this.#followMeshConfig();
    this.#followMeshNetworks();

    const { trustDomain } = this.store.meshConfig.value;
    const clock = (): number => now().getTime();
    const authority = await openAuthority(state.path, { trustDomain, now: clock });
    const tokens = await openTokens(state.path, trustDomain, clock);
    const authenticator: Authenticator = {
      bundle: authority.bundle,
      trustDomain,
      intermediates: authority.intermediates,
      tokens,
      now: clock,
    };
    const compiler = this.#options.compiler(this.store);
    const registry = controlRegistry({ store: this.store, diagnostics: this.diagnostics });
    const { authorizeSocket } = this.#options;
    const ads = this.#opened.use(
      adsHandlers({
        compiler,
        authorize: authorizer({ authenticator, ...(authorizeSocket && { authorizeSocket }) }),
        metrics: xdsMetrics(registry),
        log: log.child({ room: 'xds' }),
      }),
    );
    this.#running = { authority, tokens, ads, compiler, registry };

    if (listen.plaintext !== undefined) this.#serves('plaintext xDS', await servePlaintext(ads, listen.plaintext, log));
    if (listen.tls !== undefined) {
      this.#serves('xDS', await serveTls({ ads, authority, authenticator, listen: listen.tls, now: clock, log }));
    }
    if (listen.http !== undefined) {
      const debug = debugApp({
        store: this.store,
        ads,
        compiler,
        diagnostics: this.diagnostics,
        registry,
        ready: () => this.#ready,
        clock: () => realClock.now(),
      });
      this.#addresses['metrics and debug'] = `http://${addressText(await this.#serveHttp(debug, listen.http))}`;
    }
    const app = apiApp({
      embedded,
      store: this.store,
      holders: (ref) => sources.holders(ref),
      platform: () => this.#platform,
      distribution: ads.distribution,
      compiler,
      waits: (ref) => this.#successionOf().waits(ref),
      waiting: () => this.#successionOf().waiting(),
      diagnostics: this.diagnostics,
      meshConfigFile: meshConfig,
      about: { version: version(), started: now().toISOString(), state: state.path, addresses: this.#addresses },
      log: log.child({ room: 'api' }),
      stop: this.#options.stop,
    });
    this.#opened.use(await serveSocket(app, state.apiSocket));
    this.#ready = true;
    log.info({ ...this.#addresses, state: state.path }, 'the control plane is ready');
  }

  /** Closes everything, newest first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ready = false;
    await this.#opened.disposeAsync();
  }

  #parts(): Running {
    if (this.#running === undefined) throw new Error('the control plane has not been started');
    return this.#running;
  }

  /** One change of the sources is one transaction of the store. */
  #take({ upserts, deletes, diagnostics }: Changes): void {
    const { log, admit } = this.#options;
    try {
      const admitted = admit?.(upserts, this.store) ?? upserts;
      this.store.transaction(() => this.#successionOf().take({ upserts: admitted, deletes }));
    } catch (error) {
      // A computation that reads the store failed: what it computed last stays in force.
      log.error({ err: error }, 'a change could not be worked in completely');
    }
    const waiting = this.#rememberForms();
    this.diagnostics.set('sources', diagnostics);
    this.diagnostics.set('succession', waiting);
    this.#logNew([...diagnostics, ...waiting]);
    log.debug({ upserts: upserts.length, deletes: deletes.length }, 'the sources changed');
  }

  #successionOf(): Succession {
    return (this.#succession ??= new Succession(this.store, readEarlierForms(this.#options.state.path)));
  }

  /** Keeps earlier forms that are in effect for the next process, and says why they are. */
  #rememberForms(): Diagnostic[] {
    const succession = this.#successionOf();
    const forms = succession.forms();
    const changed = differ(forms.forms, this.#forms.forms) || differ(forms.absent, this.#forms.absent);
    this.#forms = forms;
    try {
      if (changed) writeEarlierForms(this.#options.state.path, forms);
    } catch (error) {
      this.#options.log.error({ err: error }, 'earlier forms of objects that wait cannot be kept for a restart');
    }
    return succession.diagnostics();
  }

  /** Logs what has not been said yet, with what connected proxies' configurations lack: nothing else waits for those to be computed. */
  logFindings(): void {
    this.#logNew(this.diagnostics.all());
  }

  /** Each finding is logged when it appears, not with every later change. */
  #logNew(diagnostics: readonly Diagnostic[]): void {
    const texts = new Set<string>();
    for (const diagnostic of diagnostics) {
      const text = diagnosticText(diagnostic);
      texts.add(text);
      if (this.#logged.has(text)) continue;
      if (diagnostic.severity === 'error') this.#options.log.error(text);
      else if (diagnostic.severity === 'warning') this.#options.log.warn(text);
    }
    this.#logged = texts;
  }

  #followMeshConfig(): void {
    const { meshConfig: path } = this.#options;
    if (path !== undefined) {
      const text = readText(path);
      if (typeof text !== 'string') throw new ControlError('LAT0903', text.message, text.help);
      const { config, diagnostics, parsed } = readMeshConfig(text, path);
      const [broken] = diagnostics;
      if (!parsed && broken !== undefined)
        throw new ControlError('LAT0903', diagnosticText(broken), 'the mesh is not started without it');
      this.store.meshConfig.value = config;
      this.diagnostics.set('mesh configuration', diagnostics);
      return;
    }
    const end = effect(() => {
      const configMap = this.store.get({ group: '', kind: 'ConfigMap', namespace: 'istio-system', name: 'istio' });
      const read = configMap && meshConfigMap([configMap]);
      // Text that is no YAML leaves the configuration as it was.
      if (read === undefined) this.store.meshConfig.value = meshConfigDefaults();
      else if (read.parsed) this.store.meshConfig.value = read.config;
      this.diagnostics.set('mesh configuration', read?.diagnostics ?? []);
    });
    this.#opened.defer(end);
  }

  #followMeshNetworks(): void {
    const none = this.store.meshNetworks.peek();
    const end = effect(() => {
      const configMap = this.store.get({ group: '', kind: 'ConfigMap', namespace: 'istio-system', name: 'istio' });
      const read = configMap && meshNetworksMap([configMap]);
      if (read === undefined) this.store.meshNetworks.value = none;
      else if (read.parsed) this.store.meshNetworks.value = read.networks;
      this.diagnostics.set('mesh networks', read?.diagnostics ?? []);
    });
    this.#opened.defer(end);
  }

  #serves(what: string, server: GrpcServer): void {
    this.#opened.use(server);
    this.#addresses[what] = 'path' in server.address ? server.address.path : addressText(server.address);
  }

  async #serveHttp(app: Hono, listen: ListenAddress): Promise<ListenAddress> {
    const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
    const server = createServer((request, response) => void listener(request, response));
    server.on('clientError', (_error, socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(listenError('metrics and debug', addressText(listen), '--http', error)));
      server.listen(listen.port, listen.host, resolve);
    });
    this.#opened.defer(() => closed(server));
    const address = server.address();
    return { host: listen.host, port: typeof address === 'object' && address !== null ? address.port : listen.port };
  }

  /** What the compiler finds for the proxies that are connected, each class once, and what they refuse. */
  #compiled(): Diagnostic[] {
    const { ads, compiler } = this.#running ?? {};
    const classes = new Map((ads?.distribution.list() ?? []).map((proxy) => [proxy.class, proxy.node]));
    const refused = refusalDiagnostics(ads?.distribution.refusals() ?? [], this.store);
    const compiled = [...classes.values()].flatMap((node) => {
      try {
        return [...(compiler?.configurationFor(node).peek().diagnostics.peek() ?? [])];
      } catch {
        // xds/ has logged it, and serves what was computed before.
        return [];
      }
    });
    return [...refused, ...compiled];
  }
}

const differ = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length !== b.length || a.some((each, index) => each !== b[index]);

// Gives each meshed pod of the laptop its proxy: an identity from the control plane's CA, a socket of its own, rules, Envoy.

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { toJson, type JsonObject } from '@bufbuild/protobuf';
import { effect, untracked } from '@preact/signals-core';
import type { Bootstrap } from '../../../gen/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { NodeSchema } from '../../../gen/envoy/config/core/v3/base_pb.js';
import { diagnose, type Diagnostic } from '../../api/diagnostic.ts';
import type { ApiObject } from '../../api/object.ts';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import { issueWorkload } from '../../ca/issue.ts';
import { isRefusal } from '../../ca/refusal.ts';
import { formatSpiffeId } from '../../ca/spiffe.ts';
import type { Delivery } from '../../compile/configuration.ts';
import { deliveryAnnotation, deliveryNamed } from '../../compile/delivery.ts';
import { meshOf } from '../../compile/compile.ts';
import { parseNode } from '../../compile/node.ts';
import { bootstrapPatches, patchTypes } from '../../compile/patch/bootstrap.ts';
import { recordsAnnotation, shareKey } from '../../compile/listener/access-record.ts';
import { processSettings } from '../../compile/proxy-settings.ts';
import type { ControlPlane } from '../../control/control-plane.ts';
import type { PodRef, ProxyReport } from '../../control/platform.ts';
import { adminRequest } from '../../node/admin.ts';
import type { SocketClaims } from '../../node/claim.ts';
import { WorkloadIdentity } from '../../node/identity/workload-identity.ts';
import { captureOptions } from '../../node/redirect/annotations.ts';
import { defaultCapture } from '../../node/redirect/capture-options.ts';
import { parseCidr } from '../../node/redirect/cidr.ts';
import { proxyNode, type ProxyDescription } from '../../node/proxy-node.ts';
import { spawnBehind } from '../../node/spawn-behind.ts';
import { WorkloadProxy } from '../../node/workload-proxy.ts';
import type { RecordBook } from '../../telemetry/record-book.ts';
import type { RecordWriter } from '../../telemetry/record.ts';
import { nodeAddress } from '../addresses.ts';
import { workloadName } from '../injection.ts';
import { logFiles } from '../log-file.ts';
import type { AttachedProxy, MeshHooks, RunningPod } from '../mesh-hooks.ts';
import { proxyContainer } from '../pod-log.ts';

export interface ProxiesOptions {
  readonly control: ControlPlane;
  readonly claims: SocketClaims;
  /** Path of the Envoy binary. */
  readonly envoy: string;
  /** For sockets, inside the sandbox's memory. */
  readonly runFolder: string;
  readonly logFolder: string;
  readonly certificateSeconds: number | undefined;
  /** Of proxies whose pods do not say it. */
  readonly delivery: Delivery;
  /** Takes the proxies' access records; without it they write none. */
  readonly records: RecordBook | undefined;
  readonly report: (diagnostic: Diagnostic) => void;
  readonly onError: (error: unknown) => void;
}

/** The version of Istio's configuration that these proxies understand. */
const istioVersion = '1.32.0';
const domain = 'cluster.local';
/** Worker threads where nobody says how many: a laptop runs all proxies of the mesh. */
const usualConcurrency = 1;
/** A proxy that has not answered by then is not waited for. */
const catchUpWithinMs = 2000;
const catchUpLookMs = 100;

/** What `lateen.dev/records` may say. */
const recordsNamed: Readonly<Record<string, 'usual' | 'all' | 'none'>> = { true: 'usual', all: 'all', false: 'none' };

export class Proxies implements MeshHooks {
  readonly #options: ProxiesOptions;
  readonly #proxies = new Map<string, { readonly pod: PodRef; readonly proxy: WorkloadProxy }>();
  #made = 0;

  constructor(options: ProxiesOptions) {
    this.#options = options;
  }

  async attach(pod: RunningPod, changed: () => void): Promise<AttachedProxy> {
    const { control, claims, envoy, runFolder, logFolder, records, report, onError } = this.#options;
    const identity = this.#identity(pod);
    const logFile = logFiles(`${logFolder}/${pod.namespace}/${pod.name}`, proxyContainer).current;
    mkdirSync(dirname(logFile), { recursive: true, mode: 0o700 });
    const wanted = this.#wantedRecords(pod);
    const setShare = (share: number) => adminRequest(proxy.adminSocket ?? '', 'POST', `/runtime_modify?${shareKey}=${share}`);
    const taken = wanted === 'none' ? undefined : records?.open(writerOf(pod, identity), wanted === 'all' ? undefined : setShare);
    const settings = this.#settings(pod);
    const described = {
      kind: pod.role,
      ...this.#place(pod),
      name: pod.name,
      namespace: pod.namespace,
      serviceAccount: pod.serviceAccount,
      labels: pod.labels,
      annotations: pod.annotations,
      addresses: [pod.address],
      workloadName: workloadName(pod.owner, pod.name),
      owner: ownerPath(pod),
      domain,
      clusterId: 'Kubernetes',
      meshId: settings.meshId ?? domain,
      istioVersion,
      // The name server gives what applications ask for an address of its own.
      metadata: { DNS_CAPTURE: 'true', DNS_AUTO_ALLOCATE: 'true', ...settings.metadata } as JsonObject,
      delivery: this.#delivery(pod),
      records: taken !== undefined,
    } as const;
    const proxy = new WorkloadProxy(
      {
        ...described,
        capture: this.#capture(pod, settings.capture),
        runInNamespace: pod.run,
        spawnProxy: spawnBehind(pod.proxyPrefix, settings.environment),
        openFile: pod.openFile,
        // Pods' names are longer than a socket's path has room for.
        runFolder: `${runFolder}/${++this.#made}`,
        logFile,
        process: { ...settings, concurrency: settings.concurrency ?? usualConcurrency },
        bootstrap: settings,
        amend: this.#amendment(pod, described),
      },
      {
        envoy,
        identity,
        ads: control.ads.handlers,
        claims,
        records: taken?.handlers,
        onSecretTrouble: ({ message, help }) =>
          report(diagnose(pod.object, [], { code: 'LAT2010', severity: 'warning', message, help })),
        onError,
      },
    );
    const key = `${pod.namespace}/${pod.name}`;
    this.#proxies.set(key, { pod: { namespace: pod.namespace, name: pod.name }, proxy });
    const end = effect(() => {
      void proxy.state.value;
      changed();
    });
    const close = async (): Promise<void> => {
      end();
      await proxy.stop();
      taken?.[Symbol.dispose]();
      this.#proxies.delete(key);
    };
    try {
      await proxy.start();
    } catch (error) {
      await close().catch(onError);
      throw error;
    }
    return {
      ready: () => proxy.state.peek().proxy.phase === 'ready',
      get state() {
        return proxy.state.peek().proxy.phase;
      },
      close,
    };
  }

  async caughtUp(): Promise<void> {
    const { distribution } = this.#options.control.ads;
    const deadline = performance.now() + catchUpWithinMs;
    // A change takes a moment from the store to the streams: looked at too early, nothing would seem to be under way.
    do await sleep(catchUpLookMs);
    while (
      performance.now() < deadline &&
      distribution.list().some(({ types }) => types.some(({ state }) => state !== 'acknowledged'))
    );
  }

  reports(): ProxyReport[] {
    return [...this.#proxies.values()].map(({ pod, proxy }) => {
      const { proxy: envoy, identity, certificateExpires } = proxy.state.peek();
      return { pod, state: envoy.phase, restarts: envoy.restarts, identity, certificateExpires };
    });
  }

  /** A request to a pod's Envoy; throws where the pod has none. */
  async admin({ namespace, name }: PodRef, method: 'GET' | 'POST', path: string): Promise<{ status: number; body: string }> {
    const socket = this.#proxies.get(`${namespace}/${name}`)?.proxy.adminSocket;
    if (socket === undefined) throw new Error(`pod ${name} in namespace ${namespace} has no proxy`);
    return adminRequest(socket, method, path);
  }

  #identity(pod: RunningPod): WorkloadIdentity {
    const { control, certificateSeconds, onError } = this.#options;
    const id = {
      trustDomain: control.store.meshConfig.peek().trustDomain,
      namespace: pod.namespace,
      serviceAccount: pod.serviceAccount,
    };
    return new WorkloadIdentity({
      id,
      ...(certificateSeconds !== undefined && { seconds: certificateSeconds }),
      onError,
      async issue(csr, seconds) {
        const issued = await issueWorkload(control.authority, csr, id, seconds);
        if (isRefusal(issued)) throw new Error(issued.message);
        return [...issued.chain, issued.bundle.pem];
      },
    });
  }

  #delivery({ annotations, object }: RunningPod): Delivery {
    const word = annotations[deliveryAnnotation];
    const wanted = deliveryNamed(word);
    if (word !== undefined && wanted === undefined) {
      const finding = { message: `${deliveryAnnotation}: ${word} is not known`, help: 'give eager or demand' };
      this.#options.report(
        diagnose(object, ['metadata', 'annotations', deliveryAnnotation], { code: 'IST0125', severity: 'error', ...finding }),
      );
    }
    return wanted ?? this.#options.delivery;
  }

  #wantedRecords({ annotations, object }: RunningPod): 'usual' | 'all' | 'none' {
    const word = annotations[recordsAnnotation];
    const wanted = recordsNamed[word ?? 'true'];
    if (wanted === undefined) {
      const finding = { message: `${recordsAnnotation}: ${word} is not known`, help: 'give "true", "false" or "all"' };
      this.#options.report(
        diagnose(object, ['metadata', 'annotations', recordsAnnotation], { code: 'IST0125', severity: 'error', ...finding }),
      );
    }
    return wanted ?? 'usual';
  }

  /** As they are when the pod starts: Envoy takes them at its own start only. */
  #settings(pod: RunningPod) {
    const { control, report } = this.#options;
    const { settings, findings } = untracked(() => {
      const config = control.store.meshConfig.value;
      const configsIn = (namespace: string) =>
        control.store.inNamespace(
          'networking.istio.io',
          'ProxyConfig',
          namespace,
        ) as unknown as readonly ApiObject<ProxyConfig>[];
      return processSettings({
        config,
        root: pod.namespace === config.rootNamespace ? [] : configsIn(config.rootNamespace),
        own: configsIn(pod.namespace),
        labels: pod.labels,
        annotations: pod.annotations,
      });
    });
    for (const { path, ...finding } of findings) report(diagnose(pod.object, path, finding));
    return settings;
  }

  /** Where the pod runs, as the mesh knows it: Envoy compares places by it. */
  #place(pod: RunningPod): Pick<ProxyDescription, 'locality'> {
    const locality = untracked(() => {
      const { primary } = meshOf(this.#options.control.store).value;
      const workload = primary.pod(pod.namespace, pod.name);
      return workload && primary.inputs.localityOf(workload);
    });
    return locality === undefined || locality.region === '' ? {} : { locality };
  }

  /** What EnvoyFilters change of the bootstrap; like settings, as they are when the pod starts. */
  #amendment(pod: RunningPod, described: Omit<ProxyDescription, 'interceptionMode'>) {
    const { control, report } = this.#options;
    const said = parseNode(toJson(NodeSchema, proxyNode({ ...described, interceptionMode: 'REDIRECT' })));
    if (typeof said === 'string') throw new Error(said);
    const patches = untracked(() => bootstrapPatches(meshOf(control.store).value, said));
    if (patches === undefined) return undefined;
    return {
      types: patchTypes,
      apply(made: Bootstrap): Bootstrap {
        const { bootstrap, diagnostics } = patches.apply(made);
        for (const diagnostic of diagnostics) report(diagnostic);
        return bootstrap;
      },
      refused(reason: string): void {
        for (const diagnostic of patches.refused(`Envoy does not start in pod ${pod.name}: ${reason}`)) report(diagnostic);
      },
    };
  }

  #capture(pod: RunningPod, mode: 'REDIRECT' | 'NONE') {
    const { options, findings } = captureOptions(pod.annotations, { ...defaultCapture, mode, proxy: pod.proxySockets });
    for (const { path, ...finding } of findings) this.#options.report(diagnose(pod.object, path, finding));
    const prober = parseCidr(nodeAddress);
    // Probes come from the platform itself, as kubelets' do: a port that only takes mutual TLS must still answer them.
    return { ...options, probeSources: prober === undefined ? [] : [{ address: prober, ports: [] }] };
  }
}

const writerOf = (pod: RunningPod, { id }: WorkloadIdentity): RecordWriter => ({
  namespace: pod.namespace,
  pod: pod.name,
  workload: workloadName(pod.owner, pod.name),
  identity: formatSpiffeId(id),
});

function ownerPath({ owner, namespace, name }: RunningPod): string {
  if (owner === undefined) return `kubernetes://apis/v1/namespaces/${namespace}/pods/${name}`;
  return `kubernetes://apis/apps/v1/namespaces/${namespace}/${owner.kind.toLowerCase()}s/${owner.name}`;
}

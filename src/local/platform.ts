// The laptop platform: keeps pods, services and addresses as the objects say. Pods run here; the control plane sees ordinary objects.

import { randomUUID } from 'node:crypto';
import { diagnose, diagnosticText, type Diagnostic } from '../api/diagnostic.ts';
import { refOf, type ApiObject } from '../api/object.ts';
import { PodAddresses } from './addresses.ts';
import { stepDeployment, type ControllerInput, type ControllerStep } from './controllers/deployment.ts';
import { endpointSlices, isOurs } from './controllers/endpoint-slices.ts';
import { ingressGateway } from './controllers/ingress-gateway.ts';
import { admitPod } from './controllers/bare-pod.ts';
import { withAddresses } from './controllers/services.ts';
import { stepStatefulSet } from './controllers/stateful-set.ts';
import { virtualPorts } from './controllers/virtual-ports.ts';
import { portsToPublish, type PublishedPort } from './controllers/published-services.ts';
import { meshRole } from './injection.ts';
import { bodyOf, type FullMeta, type PodBody, type PodTemplate } from './kubernetes.ts';
import { settle, withField, type KindName } from './objects.ts';
import { Pod } from './pod.ts';
import type { PodHost } from './pod-host.ts';
import type { GatewayDeclaration } from '../mesh/gateway.ts';
import { podView, type PodView } from './pod-view.ts';
import { stableJson } from './names.ts';
import { unsupportedFields } from './unsupported.ts';

const kinds = {
  namespace: { group: '', kind: 'Namespace' },
  pod: { group: '', kind: 'Pod' },
  service: { group: '', kind: 'Service' },
  configMap: { group: '', kind: 'ConfigMap' },
  secret: { group: '', kind: 'Secret' },
  deployment: { group: 'apps', kind: 'Deployment' },
  statefulSet: { group: 'apps', kind: 'StatefulSet' },
  slice: { group: 'discovery.k8s.io', kind: 'EndpointSlice' },
  gateway: { group: 'networking.istio.io', kind: 'Gateway' },
  ingress: { group: 'networking.k8s.io', kind: 'Ingress' },
  ingressClass: { group: 'networking.k8s.io', kind: 'IngressClass' },
} satisfies Record<string, KindName>;

const controllers: readonly (readonly [KindName, (input: ControllerInput) => ControllerStep])[] = [
  [kinds.deployment, stepDeployment],
  [kinds.statefulSet, stepStatefulSet],
];

export interface PlatformOptions extends Omit<PodHost, 'report'> {
  /** Takes what is wrong with the objects and the programs; each thing is told once. */
  readonly report: (diagnostic: Diagnostic) => void;
  /** What Gateways and Ingresses ask for. */
  readonly gateways: () => readonly GatewayDeclaration[];
  /** Takes what broke in the machinery; the platform goes on. */
  readonly onError: (error: unknown) => void;
  /** Takes the service ports that the host is to offer, after each change of them. */
  readonly publish: (ports: readonly PublishedPort[]) => void;
}

export class Platform implements AsyncDisposable {
  readonly #options: PlatformOptions;
  readonly #host: PodHost;
  readonly #addresses = new PodAddresses();
  readonly #pods = new Map<string, Pod>();
  readonly #told = new Set<string>();
  readonly #checked = new Map<string, string>();
  readonly #provided = new Map<string, string>();
  #published = '';
  #endWatch: () => void = () => {};
  #due = false;
  #closing = false;

  constructor(options: PlatformOptions) {
    this.#options = options;
    this.#host = { ...options, report: (diagnostic) => this.#report(diagnostic) };
  }

  /** The network must be up. */
  start(): void {
    this.#endWatch = this.#options.objects.watch(Object.values(kinds), () => this.#schedule());
    this.#schedule();
  }

  /** Every pod that runs or is ending, by namespace and name. */
  pods(): PodView[] {
    return [...this.#pods.values()]
      .map(podView)
      .sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1));
  }

  /** A running pod by its name, or any pod of the workload with that name; ready ones first. */
  find(target: string, namespace = 'default'): Pod | undefined {
    const name = target.slice(target.indexOf('/') + 1);
    const exact = this.#pods.get(`${namespace}/${name}`);
    if (exact !== undefined) return exact;
    const ofWorkload = [...this.#pods.values()].filter((pod) => {
      const { metadata } = pod.object;
      const app = metadata.labels['app'];
      return metadata.namespace === namespace && (ownerName(pod.object) === name || app === name);
    });
    return ofWorkload.sort(
      (a, b) => Number(b.containers.every((each) => each.ready)) - Number(a.containers.every((each) => each.ready)),
    )[0];
  }

  /** Says, once per pod and name, that a pod asked the name server for a host outside: from here there is no way to it. */
  askedOutside(address: string, host: string): void {
    const pod = [...this.#pods.values()].find((each) => each.address === address);
    if (pod === undefined) return;
    this.#report(
      diagnose(pod.object, [], {
        code: 'LAT2009',
        severity: 'warning',
        message: `asks for ${host.slice(0, 253)}, which is outside the mesh: pods on the laptop reach only each other`,
        help: 'run a stand-in for it as a pod, or run the mesh on Kubernetes',
      }),
    );
  }

  /** Deletes a pod as a person asks; its owner makes another. False where no such pod runs. */
  remove(namespace: string, name: string): boolean {
    const pod = this.#pods.get(`${namespace}/${name}`);
    const object = this.#options.objects.get({ ...kinds.pod, namespace, name });
    if (pod === undefined || object === undefined) return false;
    this.#options.objects.transaction(() => this.#end(object));
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    this.#endWatch();
    await Promise.allSettled([...this.#pods.values()].map((pod) => pod.stop()));
  }

  #schedule(): void {
    if (this.#due) return;
    this.#due = true;
    // After whatever changes now: a file of ten objects is one pass.
    setImmediate(() => {
      this.#due = false;
      if (this.#closing) return;
      try {
        this.#reconcile();
      } catch (error) {
        this.#options.onError(error);
      }
    });
  }

  #reconcile(): void {
    const { objects } = this.#options;
    objects.transaction(() => {
      this.#provideGateway();
      for (const service of withAddresses(this.#list(kinds.service))) objects.apply(service);
      for (const [kind, step] of controllers) for (const object of this.#list(kind)) this.#control(object, step);
      this.#endOrphans();
      this.#runPods();
      this.#writeSlices();
    });
    const services = this.#list(kinds.service);
    this.#options.network
      .setServices(virtualPorts(services, this.#list(kinds.slice)))
      .catch((error: unknown) => this.#options.onError(error));
    const ports = portsToPublish(services);
    const text = JSON.stringify(ports);
    if (text === this.#published) return;
    this.#published = text;
    this.#options.publish(ports);
  }

  #list({ group, kind }: KindName): readonly ApiObject[] {
    return this.#options.objects.list(group, kind);
  }

  #livePods(): readonly ApiObject[] {
    return this.#list(kinds.pod).filter((pod) => metaOf(pod).deletionTimestamp === undefined);
  }

  #namespace(name: string): ApiObject | undefined {
    return this.#options.objects.get({ ...kinds.namespace, namespace: '', name });
  }

  /**
   * Writes what the platform provides when it changes, and leaves it to others' additions (address, status) in between. A gateway
   * that was provided stays when the last Gateway goes: the next one would find it ending, and callers' connections with it.
   */
  #provideGateway(): void {
    const wanted = new Map(ingressGateway(this.#options.gateways()).map((object) => [keyOf(object), object]));
    const run = this.#livePods().some(
      (pod) => pod.metadata.labels['istio'] === 'ingressgateway' && ownerName(pod) !== 'istio-ingressgateway',
    );
    if (run) wanted.clear();
    else if (wanted.size === 0) return;
    for (const [key, object] of wanted) {
      const text = stableJson(object.body);
      const there = this.#options.objects.get(refOf(object));
      if (there !== undefined && (this.#provided.get(key) === text || !this.#provided.has(key))) continue;
      this.#provided.set(key, text);
      this.#options.objects.apply(object);
    }
    for (const key of this.#provided.keys()) {
      if (wanted.has(key)) continue;
      this.#provided.delete(key);
      const [kind = '', namespace = '', name = ''] = key.split('/');
      this.#options.objects.delete({ ...(kind === 'Service' ? kinds.service : kinds.deployment), namespace, name });
    }
  }

  #control(object: ApiObject, step: (input: ControllerInput) => ControllerStep): void {
    const { objects, clock } = this.#options;
    const { template } = (object.body as { spec: { template: PodTemplate } }).spec;
    this.#checkOnce(object, template.spec, ['spec', 'template', 'spec']);
    const {
      create,
      end,
      object: after,
    } = step({
      object,
      pods: this.#livePods().filter((pod) => isOwnedBy(pod, object)),
      namespaceObject: this.#namespace(object.metadata.namespace),
      now: new Date(clock.now()).toISOString(),
      random: randomUUID,
    });
    for (const pod of create) if (!this.#pods.has(podKey(pod))) objects.apply(pod);
    for (const pod of end) this.#end(pod);
    settle(objects, after);
  }

  /** Pods whose Deployment or StatefulSet is gone. */
  #endOrphans(): void {
    for (const pod of this.#livePods()) {
      const owner = metaOf(pod).ownerReferences?.find(({ controller }) => controller === true);
      const kind = controllers.find(([name]) => name.kind === owner?.kind)?.[0];
      if (owner === undefined || kind === undefined) continue;
      if (this.#options.objects.get({ ...kind, namespace: pod.metadata.namespace, name: owner.name }) === undefined)
        this.#end(pod);
    }
  }

  #runPods(): void {
    const { objects } = this.#options;
    const wanted = new Set<string>();
    for (const object of this.#list(kinds.pod)) {
      const key = podKey(object);
      wanted.add(key);
      const pod = this.#pods.get(key);
      if (pod === undefined) {
        if (metaOf(object).deletionTimestamp === undefined) this.#begin(object);
        else objects.delete(refOf(object));
      } else if (isAnother(object, pod)) this.#stop(pod, undefined);
      else {
        pod.retry();
        settle(
          objects,
          withField(admitPod(object, pod.uid, this.#namespace(object.metadata.namespace), pod.object), 'status', pod.status()),
        );
      }
    }
    for (const [key, pod] of this.#pods) if (!wanted.has(key)) this.#stop(pod, undefined);
  }

  #begin(found: ApiObject): void {
    const { objects } = this.#options;
    const namespaceObject = this.#namespace(found.metadata.namespace);
    const object = admitPod(found, found.metadata.uid ?? randomUUID(), namespaceObject);
    const { spec } = bodyOf<PodBody>(object);
    if (metaOf(object).ownerReferences === undefined) this.#checkOnce(object, spec, ['spec']);
    const pod = new Pod(this.#host, {
      object,
      uid: object.metadata.uid ?? '',
      address: this.#addresses.take(),
      role: meshRole(object.metadata, namespaceObject),
      changed: () => this.#schedule(),
    });
    this.#pods.set(podKey(object), pod);
    settle(objects, withField(object, 'status', pod.status()));
    pod.start();
  }

  /** What a Kubernetes API server does at a delete: the pod is marked, leaves its services, and goes when its processes have ended. */
  #end(object: ApiObject): void {
    const pod = this.#pods.get(podKey(object));
    if (pod === undefined) return this.#options.objects.delete(refOf(object));
    const marked = withField(object, 'metadata', {
      ...metaOf(object),
      deletionTimestamp: new Date(this.#options.clock.now()).toISOString(),
    });
    this.#options.objects.apply(marked);
    this.#stop(pod, object);
  }

  #stop(pod: Pod, object: ApiObject | undefined): void {
    if (pod.stopping) return;
    const over = (): void => {
      this.#addresses.giveBack(pod.address);
      this.#pods.delete(podKey(pod.object));
      if (object !== undefined) this.#options.objects.delete(refOf(object));
      this.#schedule();
    };
    pod.stop().then(over, (error: unknown) => {
      this.#options.onError(error);
      over();
    });
  }

  #writeSlices(): void {
    const { objects } = this.#options;
    const pods = this.#list(kinds.pod);
    const wanted = this.#list(kinds.service).flatMap((service) => endpointSlices(service, pods));
    const names = new Set(wanted.map(keyOf));
    for (const slice of wanted) settle(objects, slice);
    for (const slice of this.#list(kinds.slice)) if (isOurs(slice) && !names.has(keyOf(slice))) objects.delete(refOf(slice));
  }

  #checkOnce(object: ApiObject, spec: PodBody['spec'], within: readonly string[]): void {
    const text = stableJson(spec);
    if (this.#checked.get(keyOf(object)) === text) return;
    this.#checked.set(keyOf(object), text);
    for (const warning of unsupportedFields(object, spec, within, this.#options)) this.#report(warning);
  }

  #report(diagnostic: Diagnostic): void {
    const { code, file, line, column, message } = diagnostic;
    // Replicas of one template have one line: it is told once.
    const key = line === undefined ? diagnosticText(diagnostic) : `${code} ${file}:${line}:${column} ${message}`;
    if (this.#told.has(key) && code !== 'LAT2004') return;
    if (this.#told.size >= 1000) this.#told.clear();
    this.#told.add(key);
    this.#options.report(diagnostic);
  }
}

const metaOf = (object: ApiObject): FullMeta => (object.body as { metadata?: FullMeta }).metadata ?? {};

const keyOf = ({ kind, metadata }: ApiObject): string => `${kind}/${metadata.namespace}/${metadata.name}`;

const podKey = ({ metadata }: ApiObject): string => `${metadata.namespace}/${metadata.name}`;

const ownerName = (pod: ApiObject): string | undefined =>
  metaOf(pod).ownerReferences?.find(({ controller }) => controller === true)?.name;

const isOwnedBy = (pod: ApiObject, owner: ApiObject): boolean =>
  pod.metadata.namespace === owner.metadata.namespace &&
  metaOf(pod).ownerReferences?.some(
    ({ controller, kind, name }) => controller === true && kind === owner.kind && name === owner.metadata.name,
  ) === true;

/** Another pod under the same name: its containers are to start anew. */
const isAnother = (object: ApiObject, pod: Pod): boolean => {
  const { uid = pod.uid } = object.metadata;
  if (uid !== pod.uid) return true;
  const { spec } = bodyOf<PodBody>(object);
  return stableJson(spec.containers) !== stableJson(bodyOf<PodBody>(pod.object).spec.containers);
};

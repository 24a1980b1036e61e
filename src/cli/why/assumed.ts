// What a running cluster would add to manifests: pods of their templates with addresses, virtual addresses, who serves which service,
// and the ingress gateway. Pure: without it every service of plain manifests would have nobody behind it.

import { decode } from '../../api/decode.ts';
import { refKey, refOf, type ApiObject, type Origin } from '../../api/object.ts';
import type { Gateway } from '../../api/gateway.ts';
import { endpointSlices, serviceLabel } from '../../local/controllers/endpoint-slices.ts';
import { ingressGateway } from '../../local/controllers/ingress-gateway.ts';
import { meshLabels, meshRole } from '../../local/injection.ts';
import { originWithin } from '../../local/objects.ts';
import { writtenGateway } from '../../mesh/gateway.ts';
import { podName } from '../../control/workloads.ts';

export interface AssumedObjects {
  readonly objects: readonly ApiObject[];
  /** What was assumed, in whole sentences. */
  readonly assumptions: readonly string[];
}

type Document = Readonly<Record<string, unknown>>;

/** Addresses for benchmarks (RFC 2544), which nobody's network uses. */
const addressIn = (network: number, index: number): string => `198.${network}.${(index >> 8) & 255}.${index & 255}`;
const [serviceNetwork, podNetwork] = [18, 19];

/** Whose address is which: sets of objects that share them have the same for the same. */
export class AssumedAddresses {
  readonly #byName = new Map<string, string>();
  readonly #taken = new Set<string>();

  /** The one that the name has in its cluster; for a new name the first free one from `index` on. */
  of(network: number, { metadata: { namespace, name } }: ApiObject, index: number, cluster = ''): string {
    const key = `${network} ${cluster} ${namespace}/${name}`;
    let address = this.#byName.get(key);
    if (address !== undefined) return address;
    for (let next = index; ; next++) if (!this.#taken.has((address = addressIn(network, next)))) break;
    this.#taken.add(address);
    this.#byName.set(key, address);
    return address;
  }
}

/** `cluster`: what is given is another cluster's, which has addresses and gateways of its own. */
export function withAssumed(given: readonly ApiObject[], addresses = new AssumedAddresses(), cluster?: string): AssumedObjects {
  const objects = cluster === undefined ? [...given, ...gatewaysOf(given)] : [...given];
  const namespaces = new Map(given.filter(({ kind }) => kind === 'Namespace').map((each) => [each.metadata.name, each]));
  const present = new Set(
    objects.filter(({ kind }) => kind === 'Pod').map((pod) => `${pod.metadata.namespace}/${podName(pod).workload}`),
  );
  const templates = objects.filter(
    (each) => isWorkload(each) && !present.has(`${each.metadata.namespace}/${each.metadata.name}`),
  );
  const pods = templates.flatMap(
    (owner, index) =>
      podOf(owner, namespaces.get(owner.metadata.namespace), addresses.of(podNetwork, owner, index + 10, cluster)) ?? [],
  );
  const addressed = objects.map((each, index) =>
    needsAddress(each) ? withAddress(each, addresses.of(serviceNetwork, each, index + 10, cluster)) : each,
  );
  const all = [...addressed, ...pods];
  const sliced = new Set(
    objects.flatMap(({ kind, metadata }) =>
      kind === 'EndpointSlice'
        ? [`${metadata.namespace}/${metadata.labels[serviceLabel] ?? ''}`]
        : kind === 'Endpoints'
          ? [`${metadata.namespace}/${metadata.name}`]
          : [],
    ),
  );
  const running = all.filter(({ kind, apiVersion }) => kind === 'Pod' && apiVersion === 'v1');
  const slices = addressed
    .filter((each) => isService(each) && !sliced.has(`${each.metadata.namespace}/${each.metadata.name}`))
    .flatMap((service) => endpointSlices(service, running));
  const names = templates.map(({ metadata }) => metadata.name);
  return {
    objects: [...all, ...slices],
    assumptions:
      pods.length === 0
        ? []
        : [
            `The manifests${cluster === undefined ? '' : ` of cluster ${cluster}`} name no pods of ${few(names)}: one of each is taken to run and to be ready.`,
          ],
  };
}

const few = (names: readonly string[]): string =>
  names.length <= 4 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} others`;

const isService = ({ kind, apiVersion }: ApiObject): boolean => kind === 'Service' && apiVersion === 'v1';
const isWorkload = ({ kind, apiVersion }: ApiObject): boolean =>
  (kind === 'Deployment' || kind === 'StatefulSet') && apiVersion === 'apps/v1';

const specOf = ({ body }: ApiObject): Document => (body['spec'] ?? {}) as Document;

function needsAddress(object: ApiObject): boolean {
  if (!isService(object)) return false;
  const { clusterIP, clusterIPs, type } = specOf(object);
  return clusterIP === undefined && clusterIPs === undefined && type !== 'ExternalName';
}

function withAddress(object: ApiObject, address: string): ApiObject {
  return { ...object, body: { ...object.body, spec: { ...specOf(object), clusterIP: address } } };
}

/** The pod that a template makes, running and ready; undefined for a template that is not valid. */
function podOf(owner: ApiObject, namespace: ApiObject | undefined, address: string): ApiObject | undefined {
  const { template = {}, serviceName } = specOf(owner) as {
    template?: { metadata?: PodMeta; spec?: Document };
    serviceName?: string;
  };
  const { name, namespace: home } = owner.metadata;
  const own = { ...template.metadata?.labels };
  const annotations = { ...template.metadata?.annotations };
  const isSet = owner.kind === 'StatefulSet';
  const podLabels = meshLabels(own, meshRole({ labels: own, annotations }, namespace), name);
  const pod = isSet ? `${name}-0` : name;
  const document = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: pod,
      namespace: home,
      labels: podLabels,
      annotations,
      ownerReferences: [{ apiVersion: owner.apiVersion, kind: owner.kind, name, controller: true }],
    },
    spec: { ...template.spec, ...(isSet && { hostname: pod, subdomain: serviceName }) },
    status: { phase: 'Running', podIP: address, podIPs: [{ ip: address }], conditions: [{ type: 'Ready', status: 'True' }] },
  };
  const origin: Origin = originWithin(owner.origin, ['spec', 'template']);
  return decode(document, origin).object;
}

interface PodMeta {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The gateway that the platform runs where somebody asks for one and nobody gives it. */
function gatewaysOf(given: readonly ApiObject[]): ApiObject[] {
  const declared = given
    .filter(({ kind, apiVersion }) => kind === 'Gateway' && apiVersion.startsWith('networking.istio.io/'))
    .map((each) => writtenGateway(each as unknown as ApiObject<Gateway>));
  const there = new Set(given.map((each) => refKey(refOf(each))));
  const made = ingressGateway(declared);
  return made.some((each) => there.has(refKey(refOf(each))) || runsGateway(given)) ? [] : made;
}

/** Somebody's pods have the labels of Istio's ingress gateway. */
const runsGateway = (given: readonly ApiObject[]): boolean =>
  given.some((each) => {
    const labels =
      each.kind === 'Pod'
        ? each.metadata.labels
        : isWorkload(each)
          ? (specOf(each) as { template?: { metadata?: PodMeta } }).template?.metadata?.labels
          : undefined;
    return labels?.['istio'] === 'ingressgateway';
  });

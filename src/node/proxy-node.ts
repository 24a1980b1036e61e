// What a workload's Envoy says of itself: the node of its bootstrap, in the form that Istio's control planes read.

import { create, type JsonObject, type MessageInitShape } from '@bufbuild/protobuf';
import { type Node, NodeSchema } from '../../gen/envoy/config/core/v3/base_pb.js';
import type { Delivery } from '../compile/configuration.ts';
import { deliveryKey } from '../compile/delivery.ts';
import { recordsKey } from '../compile/listener/access-record.ts';
import { filesKey } from '../compile/tls.ts';
import type { InterceptionMode } from './redirect/capture-options.ts';

/** What a proxy is, apart from where it runs. */
export interface ProxyDescription {
  readonly kind: 'sidecar' | 'router';
  /** The pod's name. */
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The pod's addresses, the first one leads; at least one. */
  readonly addresses: readonly string[];
  /** The Deployment, StatefulSet, … that the pod belongs to; the pod's own name where there is none. */
  readonly workloadName: string;
  /** `kubernetes://apis/apps/v1/namespaces/NS/deployments/NAME`. */
  readonly owner?: string;
  /** `cluster.local`. */
  readonly domain: string;
  readonly clusterId: string;
  readonly meshId: string;
  readonly network?: string;
  /** The Istio version whose configuration this proxy understands. */
  readonly istioVersion: string;
  readonly interceptionMode: InterceptionMode;
  /** Whether it is given clusters when it first calls them, where its configuration allows it. Default: all at once. */
  readonly delivery?: Delivery;
  /** Its agent takes access records; else it writes none. */
  readonly records?: boolean;
  readonly locality?: { readonly region: string; readonly zone: string; readonly subZone: string };
  /** Further metadata (`DNS_CAPTURE`, `PROXY_CONFIG`, …), which wins over what is derived here. */
  readonly metadata?: JsonObject;
}

/** `sidecar~10.1.0.5~reviews-v1-0.default~default.svc.cluster.local`: the name that a proxy must use on its own socket. */
const nodeId = ({ kind, addresses, name, namespace, domain }: ProxyDescription): string =>
  [kind, addresses[0] ?? '', `${name}.${namespace}`, `${namespace}.svc.${domain}`].join('~');

export function proxyNode(proxy: ProxyDescription): Node {
  const { labels, namespace, workloadName, locality } = proxy;
  const app = labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? workloadName;
  const node: MessageInitShape<typeof NodeSchema> = {
    id: nodeId(proxy),
    cluster: `${app}.${namespace}`,
    metadata: nodeMetadata(proxy),
    ...(locality && { locality }),
  };
  return create(NodeSchema, node);
}

function nodeMetadata(proxy: ProxyDescription): JsonObject {
  return {
    NAME: proxy.name,
    NAMESPACE: proxy.namespace,
    LABELS: proxy.labels,
    ANNOTATIONS: proxy.annotations,
    SERVICE_ACCOUNT: proxy.serviceAccount,
    INSTANCE_IPS: proxy.addresses.join(','),
    WORKLOAD_NAME: proxy.workloadName,
    ...(proxy.owner !== undefined && { OWNER: proxy.owner }),
    CLUSTER_ID: proxy.clusterId,
    MESH_ID: proxy.meshId,
    ...(proxy.network !== undefined && { NETWORK: proxy.network }),
    ISTIO_VERSION: proxy.istioVersion,
    INTERCEPTION_MODE: proxy.interceptionMode,
    ...(proxy.delivery === 'demand' && { [deliveryKey]: 'demand' }),
    ...(proxy.records === true && { [recordsKey]: true }),
    [filesKey]: true,
    ENVOY_STATUS_PORT: 15021,
    ENVOY_PROMETHEUS_PORT: 15090,
    ...proxy.metadata,
  };
}

// A mesh of the size that the push benchmarks speak of: services with endpoints, rules and policies for each, made from numbers.

import type { JsonObject } from '@bufbuild/protobuf';

export interface WorldSize {
  readonly services: number;
  readonly namespaces: number;
  readonly endpoints: number;
  /** Services with a VirtualService and a DestinationRule each, the first ones; default: all. */
  readonly ruled?: number;
}

export const serviceHost = (index: number, size: WorldSize): string =>
  `${serviceName(index)}.${namespaceOf(index, size)}.svc.cluster.local`;

export const serviceAddress = (index: number): string => `10.32.${index >> 8}.${index & 255}`;

/** The cluster of a service. */
export const clusterOf = (index: number, size: WorldSize): string => `outbound|8080||${serviceHost(index, size)}`;

const namespaceOf = (index: number, { namespaces }: WorldSize): string => `ns-${index % namespaces}`;

const serviceName = (index: number): string => `service-${index}`;

const podAddress = (index: number, replica: number): string => `10.${64 + replica}.${index >> 8}.${index & 255}`;

const podName = (index: number, replica: number): string => `${serviceName(index)}-${replica}`;

function service(index: number, size: WorldSize): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: serviceName(index), namespace: namespaceOf(index, size) },
    spec: {
      clusterIP: serviceAddress(index),
      selector: { app: serviceName(index) },
      ports: [{ name: 'http', port: 8080, targetPort: 8080 }],
    },
  };
}

function pod(index: number, replica: number, size: WorldSize): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: podName(index, replica),
      namespace: namespaceOf(index, size),
      labels: { app: serviceName(index), version: 'v1', 'security.istio.io/tlsMode': 'istio' },
    },
    spec: {
      serviceAccountName: serviceName(index),
      containers: [{ name: 'app', image: 'app', ports: [{ containerPort: 8080 }] }],
    },
    status: { podIP: podAddress(index, replica), conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

/** The endpoints of a service; `without` takes one away, as a pod that is not ready does. */
export function endpointSlice(index: number, size: WorldSize, without?: number): JsonObject {
  const namespace = namespaceOf(index, size);
  const replicas = Array.from({ length: size.endpoints }, (_, replica) => replica).filter((replica) => replica !== without);
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${serviceName(index)}-1`, namespace, labels: { 'kubernetes.io/service-name': serviceName(index) } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: replicas.map((replica) => ({
      addresses: [podAddress(index, replica)],
      conditions: { ready: true },
      targetRef: { kind: 'Pod', name: podName(index, replica), namespace },
    })),
  };
}

/** A canary by header, retries and a timeout; `timeout` is what the benchmark changes, `note` an annotation that means nothing. */
export function virtualService(index: number, size: WorldSize, { timeout = '5s', note = '' } = {}): JsonObject {
  const destination = { host: serviceName(index), port: { number: 8080 } };
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: serviceName(index), namespace: namespaceOf(index, size), annotations: { note } },
    spec: {
      hosts: [serviceName(index)],
      http: [
        {
          match: [{ headers: { 'end-user': { exact: 'tester' } }, uri: { prefix: '/v2' } }],
          route: [{ destination }],
          timeout: '1s',
        },
        { route: [{ destination }], timeout, retries: { attempts: 3, perTryTimeout: '2s', retryOn: '5xx' } },
      ],
    },
  };
}

function destinationRule(index: number, size: WorldSize): JsonObject {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: serviceName(index), namespace: namespaceOf(index, size) },
    spec: {
      host: serviceName(index),
      trafficPolicy: {
        loadBalancer: { simple: 'ROUND_ROBIN' },
        connectionPool: { http: { http1MaxPendingRequests: 100, maxRequestsPerConnection: 10 } },
      },
    },
  };
}

function policies(index: number): JsonObject[] {
  const namespace = `ns-${index}`;
  return [
    {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'callers', namespace },
      spec: {
        action: 'ALLOW',
        rules: [{ from: [{ source: { namespaces: [namespace] } }], to: [{ operation: { methods: ['GET'] } }] }],
      },
    },
  ];
}

/** Every object of the mesh. */
export function* world(size: WorldSize): Generator<JsonObject> {
  yield {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: 'default', namespace: 'istio-system' },
    spec: { mtls: { mode: 'STRICT' } },
  };
  for (let index = 0; index < size.namespaces; index++) yield* policies(index);
  for (let index = 0; index < size.services; index++) {
    yield service(index, size);
    for (let replica = 0; replica < size.endpoints; replica++) yield pod(index, replica, size);
    yield endpointSlice(index, size);
    if (index >= (size.ruled ?? size.services)) continue;
    yield virtualService(index, size);
    yield destinationRule(index, size);
  }
}

/** The Envoy node of client `index`: replicas of one workload in a namespace are one class, so classes are as many as namespaces. */
export function node(index: number, size: WorldSize): JsonObject {
  const namespace = `ns-${index % size.namespaces}`;
  const app = serviceName(index % size.namespaces);
  return {
    id: `sidecar~10.200.${index >> 8}.${index & 255}~client-${index}.${namespace}~${namespace}.svc.cluster.local`,
    cluster: app,
    metadata: { NAMESPACE: namespace, LABELS: { app, version: 'v1' }, SERVICE_ACCOUNT: app, CLUSTER_ID: 'Kubernetes' },
  };
}

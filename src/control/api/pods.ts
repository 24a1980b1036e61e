// Pods and workloads as `ps` and `status` show them: Pod objects, what the platform says of their proxies, what xDS has delivered.

import type { ApiObject } from '../../api/object.ts';
import type { Store } from '../../store/store.ts';
import type { ProxyDistribution } from '../../xds/distribution.ts';
import type { Platform, PodRef, ProxyReport } from '../platform.ts';
import { podName, type PodName } from '../workloads.ts';
import type { PodRow, TypeStatus, WorkloadStatus } from './contract.ts';
import { compareText } from '../../lib/order.ts';

/** The part of a Pod's status that is shown. */
interface PodStatus {
  readonly phase?: string;
  readonly podIP?: string;
  readonly startTime?: string;
  readonly containerStatuses?: readonly ContainerStatus[];
}

interface ContainerStatus {
  readonly name: string;
  readonly image?: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: {
    readonly waiting?: { readonly reason?: string };
    readonly running?: object;
    readonly terminated?: { readonly reason?: string; readonly exitCode?: number };
  };
}

const pods = (store: Store): readonly ApiObject[] => store.kind('', 'Pod').all();

export const podNames = (store: Store): PodName[] => pods(store).map(podName);

export function podRows(store: Store, platform: Pick<Platform, 'proxies'> | undefined, namespace: string | undefined): PodRow[] {
  const proxies = new Map((platform?.proxies() ?? []).map((report) => [keyOf(report.pod), report]));
  return pods(store)
    .filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace)
    .map((pod) => podRow(pod, proxies.get(keyOf(pod.metadata))))
    .sort((a, b) => compareText(a.namespace, b.namespace) || compareText(a.name, b.name));
}

/** A pod's proxy counts among its containers, as an injected one does on Kubernetes. */
function podRow(pod: ApiObject, proxy: ProxyReport | undefined): PodRow {
  const { status = {} } = pod.body as { status?: PodStatus };
  const containers = status.containerStatuses ?? [];
  const restarts = containers.reduce((sum, { restartCount = 0 }) => sum + restartCount, proxy?.restarts ?? 0);
  const ready = containers.filter((container) => container.ready === true).length + (proxy?.state === 'ready' ? 1 : 0);
  const stuck = containers.map(stateText).find((state) => !['running', ''].includes(state));
  return {
    namespace: pod.metadata.namespace,
    name: pod.metadata.name,
    workload: podName(pod).workload,
    phase: status.phase === 'Succeeded' ? 'Succeeded' : (stuck ?? status.phase ?? 'Pending'),
    ready: `${ready}/${containers.length + (proxy === undefined ? 0 : 1)}`,
    restarts,
    address: status.podIP ?? '',
    started: status.startTime ?? pod.metadata.creationTimestamp ?? '',
    containers: [
      ...containers.map((container) => ({
        name: container.name,
        image: container.image ?? '',
        state: stateText(container),
        restarts: container.restartCount ?? 0,
      })),
      ...(proxy === undefined ? [] : [{ name: 'istio-proxy', image: 'envoy', state: proxy.state, restarts: proxy.restarts }]),
    ],
  };
}

/** A container's state in a word: the reason where it has one (`CrashLoopBackOff`), as kubectl shows it. */
function stateText({ state = {} }: ContainerStatus): string {
  if (state.waiting !== undefined) return state.waiting.reason ?? 'waiting';
  if (state.terminated !== undefined) return state.terminated.reason ?? `exited ${state.terminated.exitCode ?? ''}`.trim();
  return state.running === undefined ? '' : 'running';
}

/** One row per pod; connected proxies that no pod explains (clients from outside) follow. */
export function workloadStatuses(
  store: Store,
  platform: Platform | undefined,
  connected: readonly ProxyDistribution[],
): WorkloadStatus[] {
  const reports = new Map((platform?.proxies() ?? []).map((report) => [keyOf(report.pod), report]));
  const streams = new Map(connected.map((proxy) => [keyOf(podOf(proxy)), proxy]));
  const rows = podNames(store).map((pod): WorkloadStatus => {
    const stream = streams.get(keyOf(pod));
    streams.delete(keyOf(pod));
    return statusOf(pod, reports.get(keyOf(pod)), stream);
  });
  for (const stream of streams.values()) rows.push(statusOf(podOf(stream), undefined, stream));
  return rows.sort((a, b) => compareText(a.namespace, b.namespace) || compareText(a.name, b.name));
}

const keyOf = ({ namespace, name }: PodRef): string => `${namespace}/${name}`;

/** The pod that a node id names; its name is `pod.namespace`. */
function podOf({ node }: Pick<ProxyDistribution, 'node'>): PodRef {
  const dot = node.name.lastIndexOf('.');
  return dot < 0
    ? { namespace: node.namespace, name: node.name }
    : { namespace: node.name.slice(dot + 1), name: node.name.slice(0, dot) };
}

function statusOf(
  { namespace, name }: PodRef,
  report: ProxyReport | undefined,
  stream: ProxyDistribution | undefined,
): WorkloadStatus {
  const rejected = stream?.types.flatMap((type) => type.rejected).at(-1);
  const broken = stream?.types.find(({ problem }) => problem !== undefined);
  return {
    namespace,
    name,
    proxy: report === undefined ? (stream === undefined ? '' : 'remote') : proxyText(report),
    identity: report?.identity ?? stream?.identity ?? '',
    certificateExpires: report?.certificateExpires?.toISOString() ?? '',
    configuration: arrival(report, stream),
    ...(broken?.problem !== undefined && { problem: `${broken.type}s cannot be computed: ${broken.problem}` }),
    ...(rejected !== undefined && { rejection: `${rejected.name}: ${rejected.message}` }),
    ...(stream !== undefined && { types: stream.types.map(typeStatus) }),
  };
}

const typeStatus = ({ type, resources, state, problem, rejected }: ProxyDistribution['types'][number]): TypeStatus => ({
  type,
  resources,
  state:
    problem !== undefined ? 'not arrived' : rejected.length > 0 ? 'rejected' : state === 'acknowledged' ? 'arrived' : 'sending',
});

const proxyText = ({ state, restarts }: ProxyReport): string =>
  restarts === 0 ? state : `${state} (${restarts} restart${restarts === 1 ? '' : 's'})`;

function arrival(report: ProxyReport | undefined, stream: ProxyDistribution | undefined): WorkloadStatus['configuration'] {
  if (stream === undefined) return report === undefined ? '' : 'not connected';
  if (stream.types.some(({ problem }) => problem !== undefined)) return 'not arrived';
  if (stream.types.some(({ rejected }) => rejected.length > 0)) return 'rejected';
  return stream.settled ? 'arrived' : 'sending';
}

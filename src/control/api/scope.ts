// What a workload has called, gathered from its proxies' own counters, from the clusters that they asked for, and from records.

import type { ApiObject } from '../../api/object.ts';
import { meshOf } from '../../compile/compile.ts';
import { isSingleAddress } from '../../mesh/hostname.ts';
import type { Labels } from '../../mesh/labels.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Caller } from '../../mesh/scope.ts';
import { objectKey, type Store } from '../../store/store.ts';
import { calledServices, type HostIndex, type UsedCluster } from '../../telemetry/called-services.ts';
import type { DistributionTable } from '../../xds/distribution.ts';
import type { Platform, PodRef } from '../platform.ts';
import type { PodName } from '../workloads.ts';
import type { ScopeAnswer } from './contract.ts';
import { serviceAt } from './dialled-service.ts';
import { ApiError } from './refusal.ts';

interface ScopeParts {
  readonly store: Store;
  readonly distribution: DistributionTable;
  readonly platform: Platform;
}

/** `pods`: those of one workload, at least one. */
export async function scopeOfWorkload(pods: readonly PodName[], parts: ScopeParts): Promise<ScopeAnswer> {
  const [first] = pods;
  if (first === undefined) throw new ApiError(404, 'the workload has no pods');
  const { store, distribution, platform } = parts;
  const { namespace, workload } = first;
  if (distribution.list().some(({ node }) => node.type === 'router' && node.name === `${first.name}.${namespace}`))
    throw new ApiError(
      400,
      `${workload} is a gateway`,
      'Sidecars are for workloads; a gateway has what its Gateways and their rules lead to',
    );
  const proxies = await Promise.all(pods.map((pod) => usedBy(pod, platform)));
  const known = proxies.filter((proxy) => proxy !== undefined);
  if (known.length === 0) throw new ApiError(409, `no proxy of ${workload} answers`, 'is it in the mesh? lateen status shows it');
  const asked = pods.flatMap((pod) => distribution.called(`${pod.name}.${pod.namespace}`)).map((name) => ({ name, calls: 0 }));
  const records = [...(platform.records?.recent() ?? [])].filter(
    ({ writer }) => writer.namespace === namespace && writer.workload === workload,
  );
  const mesh = meshOf(store).peek();
  const clusters = [...known.flatMap(({ used }) => used), ...asked];
  const labels = selectorOf(first, store);
  return {
    workload,
    namespace,
    proxies: known.length,
    since: new Date(Math.min(...known.map(({ since }) => since))).toISOString(),
    ...calledServices(
      clusters,
      records,
      hostIndex(mesh, { namespace: mesh.outlook(namespace), scope: undefined, egress: undefined }),
    ),
    selector: labels,
    sidecars: mesh
      .sidecarsFor(namespace, podLabels(first, store))
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
  };
}

interface Used {
  readonly used: readonly UsedCluster[];
  /** When its Envoy started: milliseconds of Unix time. */
  readonly since: number;
}

async function usedBy(pod: PodRef, platform: Platform): Promise<Used | undefined> {
  try {
    const [clusters, info] = await Promise.all(
      ['/clusters?format=json', '/server_info'].map(
        async (path) => JSON.parse((await platform.proxyAdmin(pod, 'GET', path)).body) as unknown,
      ),
    );
    const { uptime_current_epoch: uptime = '0s' } = info as { uptime_current_epoch?: string };
    return { used: usedClusters(clusters as ClustersPage), since: Date.now() - Number.parseInt(uptime, 10) * 1000 };
  } catch {
    // A pod without a proxy, or whose proxy is about to end: the others tell what they know.
    return undefined;
  }
}

/** Of Envoy's `/clusters?format=json`. */
interface ClustersPage {
  readonly cluster_statuses?: readonly {
    readonly name?: string;
    readonly host_statuses?: readonly { readonly stats?: readonly { readonly name?: string; readonly value?: string }[] }[];
  }[];
}

const usedClusters = ({ cluster_statuses: clusters = [] }: ClustersPage): UsedCluster[] =>
  clusters.flatMap(({ name = '', host_statuses: endpoints = [] }) => {
    const count = (wanted: string): number =>
      endpoints
        .flatMap(({ stats = [] }) => stats)
        .reduce((sum, stat) => sum + (stat.name === wanted ? Number(stat.value ?? 0) : 0), 0);
    const calls = count('rq_total') || count('cx_total');
    return calls === 0 ? [] : [{ name, calls }];
  });

function hostIndex(mesh: Mesh, from: Caller): HostIndex {
  return {
    service(host, port) {
      const found = isSingleAddress(host) ? serviceAt(mesh, host, port) : mesh.serviceSeen(host, from);
      return found && { host: found.host, namespace: found.namespace };
    },
    ruled(host) {
      const [route] = mesh.httpRules(host, from);
      return route && { host, namespace: route.namespace };
    },
  };
}

const podLabels = ({ namespace, name }: PodRef, store: Store): Labels =>
  store.kind('', 'Pod').get(objectKey(namespace, name))?.metadata.labels ?? {};

/** Controllers write these at each pod, or each revision of pods, and injection at every pod of the mesh. */
const notTheirOwn =
  /^(?:pod-template-hash|controller-revision-hash|statefulset\.kubernetes\.io\/pod-name|apps\.kubernetes\.io\/pod-index|security\.istio\.io\/tlsMode|service\.istio\.io\/canonical-.*)$/;

/** What selects all pods of a workload, of the present revision and of later ones. */
function selectorOf(pod: PodName, store: Store): Labels {
  const owner: ApiObject | undefined =
    pod.kind === 'Pod' ? undefined : store.kind('apps', pod.kind).get(objectKey(pod.namespace, pod.workload));
  const { spec } = (owner?.body ?? {}) as { spec?: { selector?: { matchLabels?: Labels } } };
  return (
    spec?.selector?.matchLabels ??
    Object.fromEntries(Object.entries(podLabels(pod, store)).filter(([label]) => !notTheirOwn.test(label)))
  );
}

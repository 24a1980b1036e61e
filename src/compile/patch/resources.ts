// One resource with the patches of a set: listener, cluster or route table. A pure function of both, remembered for all proxies that
// have the same two.

import { clone, create, fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { ClusterSchema, type Cluster } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.js';
import { VirtualHostSchema, type VirtualHost } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { isSingleAddress } from '../../mesh/hostname.ts';
import { identityOf } from '../identity.ts';
import { parseOutboundCluster } from '../names.ts';
import { cause } from '../origin.ts';
import { versionOf, type Resource } from '../resource.ts';
import { tableOf, tableParts } from '../route/table.ts';
import type { VirtualHostPiece } from '../route/virtual-host.ts';
import { attempt, type Refusal } from './attempt.ts';
import { clusterPatches, patchCluster } from './cluster.ts';
import type { Extensions } from './extensions.ts';
import { patchListener } from './listener.ts';
import type { ServerPorts } from './match.ts';
import type { Patch } from './patch.ts';
import type { PatchSet } from './patch-set.ts';
import { addedHosts, concernsHost, isPatched, patchHead, patchHost, tablePatches, type TablePatches } from './route.ts';
import { headerProblems, hostProblems } from './route-problems.ts';
import { brokenRules } from './rules.ts';
import { clusterProblems, domainProblems, listenerProblems } from './structure.ts';

export interface Patched {
  /** The resource itself where no patch was for it; undefined where one removed it. */
  readonly resource: Resource | undefined;
  readonly refusals: readonly Refusal[];
}

/** What patches need to know of a proxy besides the resources. */
export interface Surroundings {
  readonly set: PatchSet;
  readonly extensions: Extensions;
  readonly serverPorts: ServerPorts;
}

const remembered = new WeakMap<Resource, WeakMap<Surroundings, Patched>>();

function once(resource: Resource, around: Surroundings, make: () => Patched): Patched {
  let known = remembered.get(resource);
  if (known === undefined) remembered.set(resource, (known = new WeakMap()));
  let made = known.get(around);
  if (made === undefined) known.set(around, (made = make()));
  return made;
}

const opened = new WeakMap<Resource, unknown>();

/** A resource's message: read once, never changed. */
export function messageOf<Desc extends DescMessage>(schema: Desc, resource: Resource): MessageShape<Desc> {
  let message = opened.get(resource);
  if (message === undefined) opened.set(resource, (message = fromBinary(schema, resource.bytes)));
  return message as MessageShape<Desc>;
}

const inListeners = [
  'LISTENER',
  'LISTENER_FILTER',
  'FILTER_CHAIN',
  'NETWORK_FILTER',
  'HTTP_FILTER',
  'ROUTE_CONFIGURATION',
  'VIRTUAL_HOST',
  'HTTP_ROUTE',
] as const;

export function patchedListener(resource: Resource, around: Surroundings): Patched {
  if (!around.set.has(...inListeners)) return { resource, refusals: [] };
  return once(resource, around, () => {
    const given = messageOf(ListenerSchema, resource);
    const relevant = around.set.patches.filter(({ applyTo, match }) => {
      const wanted = match.listener?.name;
      return (inListeners as readonly string[]).includes(applyTo) && (!wanted || wanted === given.name);
    });
    return patched(resource, ListenerSchema, relevant, (patches, used, problems) => {
      const listener = clone(ListenerSchema, given);
      const patching = { ...around, set: around.set.only(patches), used: mark(used), problem: push(problems) };
      if (!patchListener(listener, patching)) return undefined;
      if (used.size > 0) problems.push(...listenerProblems(listener));
      return listener;
    });
  });
}

export function patchedCluster(resource: Resource, around: Surroundings): Patched {
  const name = nameInPatches(resource);
  const patches = clusterPatches(around.set.of('CLUSTER'), name, () => servicesOf(messageOf(ClusterSchema, resource)));
  if (patches.length === 0) return { resource, refusals: [] };
  return once(resource, around, () =>
    patched(resource, ClusterSchema, patches, (active, used, problems) => {
      const cluster = clone(ClusterSchema, messageOf(ClusterSchema, resource));
      if (!patchCluster(cluster, active as readonly Patch<'CLUSTER'>[], mark(used), push(problems))) return undefined;
      if (used.size > 0) problems.push(...clusterProblems(cluster));
      return cluster;
    }),
  );
}

/** A cluster on demand may be called by its service's address; its endpoints have the name that people write. */
function nameInPatches(resource: Resource): string {
  const { name } = resource;
  const host = parseOutboundCluster(name)?.host;
  if (host === undefined || !isSingleAddress(host)) return name;
  return messageOf(ClusterSchema, resource).edsClusterConfig?.serviceName || name;
}

/** The services that a cluster says it stands for. */
function servicesOf({ metadata }: Cluster): string[] {
  const services = metadata?.filterMetadata['istio']?.['services'];
  if (!Array.isArray(services)) return [];
  return services.flatMap((service) =>
    typeof service === 'object' && service !== null && !Array.isArray(service) && typeof service['host'] === 'string'
      ? [service['host']]
      : [],
  );
}

type Build<Message> = (patches: readonly Patch[], used: Set<Patch>, problems: string[]) => Message | undefined;

const mark =
  (used: Set<Patch>) =>
  (patch: Patch): void =>
    void used.add(patch);
const push =
  (problems: string[]) =>
  (text: string): void =>
    void problems.push(text);

function patched<Desc extends DescMessage>(
  resource: Resource,
  schema: Desc,
  relevant: readonly Patch[],
  build: Build<MessageShape<Desc> & { readonly name: string }>,
): Patched {
  const { value, used, refusals } = attempt(resource.name, relevant, (patches) => {
    const using = new Set<Patch>();
    const problems: string[] = [];
    const message = build(patches, using, problems);
    return { value: message, used: [...using], problems };
  });
  if (used.length === 0) return { resource, refusals };
  return { resource: value && madeWith(schema, value, resource.causes, used), refusals };
}

/** A message as a resource that names its patches among its causes. */
export function madeWith<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc> & { readonly name: string },
  causes: Resource['causes'],
  used: readonly Patch[],
): Resource {
  const bytes = toBinary(schema, message);
  return { name: message.name, version: versionOf(bytes), bytes, causes: [...causes, ...used.map(causeOf)] };
}

const causeOf = ({ object, path }: Patch) => cause(object, path);

/** A table: hosts that no patch is for stay the pieces that they are, shared with other tables. */
export function patchedTable(resource: Resource, around: Surroundings): Patched {
  const relevant = tablePatches(around.set, resource.name, around.serverPorts);
  if (!isPatched(relevant)) return { resource, refusals: [] };
  return once(resource, around, () => {
    const parts = tableParts(resource);
    if (parts === undefined) return { resource, refusals: [] };
    const { table, hosts, routes } = relevant;
    const { value, used, refusals } = attempt(resource.name, [...table, ...hosts, ...routes], (patches) => {
      const using = new Set<Patch>();
      const problems: string[] = [];
      const active = tablePatches(around.set.only(patches), resource.name, around.serverPorts);
      const made = tableWith(resource.name, parts, active, mark(using), problems);
      return { value: made, used: [...using], problems };
    });
    return { resource: used.length === 0 ? resource : value, refusals };
  });
}

function tableWith(
  name: string,
  { head, hosts }: NonNullable<ReturnType<typeof tableParts>>,
  patches: TablePatches,
  used: (patch: Patch) => void,
  problems: string[],
): Resource {
  const table = fromBinary(RouteConfigurationSchema, head);
  patchHead(table, patches, used);
  const brought = table.virtualHosts;
  table.virtualHosts = [];
  const pieces = hosts.flatMap((host) => patchedHost(host, patches, used, problems) ?? []);
  for (const host of brought) pieces.push(...pieceOf(host, [], patches, used, problems));
  for (const patch of patches.hosts) {
    const alone: TablePatches = { table: [], hosts: [patch], routes: [] };
    for (const host of addedHosts(alone, used)) pieces.push(checkedPiece(host, [causeOf(patch)], problems));
  }
  problems.push(...brokenRules(RouteConfigurationSchema, table), ...headerProblems(table, `the table ${name}`));
  problems.push(...domainProblems(pieces));
  return tableOf(name, toBinary(RouteConfigurationSchema, table), pieces);
}

interface PatchedHost {
  readonly piece: VirtualHostPiece | undefined;
  readonly used: readonly Patch[];
  readonly problems: readonly string[];
}

const hostsMade = new WeakMap<VirtualHostPiece, Map<string, PatchedHost>>();

/** Tables share the hosts that they have patched alike. */
function patchedHost(
  piece: VirtualHostPiece,
  patches: TablePatches,
  used: (patch: Patch) => void,
  problems: string[],
): VirtualHostPiece | undefined {
  if (!concernsHost(patches, piece)) return piece;
  let known = hostsMade.get(piece);
  if (known === undefined) hostsMade.set(piece, (known = new Map()));
  const key = [...patches.hosts, ...patches.routes].map(identityOf).join();
  let made = known.get(key);
  if (made === undefined) {
    const using: Patch[] = [];
    const found: string[] = [];
    const host = fromBinary(VirtualHostSchema, piece.bytes);
    const [after] = pieceOf(host, piece.causes, patches, (patch) => void using.push(patch), found, piece);
    known.set(key, (made = { piece: after, used: using, problems: found }));
  }
  made.used.forEach(used);
  problems.push(...made.problems);
  return made.piece;
}

function pieceOf(
  given: VirtualHost,
  causes: VirtualHostPiece['causes'],
  patches: TablePatches,
  used: (patch: Patch) => void,
  problems: string[],
  unchanged?: VirtualHostPiece,
): VirtualHostPiece[] {
  const mine: Patch[] = [];
  const host = patchHost(given, patches, (patch) => {
    mine.push(patch);
    used(patch);
  });
  if (host === undefined) return [];
  if (mine.length === 0 && unchanged !== undefined) return [unchanged];
  return [
    checkedPiece(
      host,
      [...causes, ...new Set(mine)].map((item) => ('applyTo' in item ? causeOf(item) : item)),
      problems,
    ),
  ];
}

function checkedPiece(host: VirtualHost, causes: VirtualHostPiece['causes'], problems: string[]): VirtualHostPiece {
  problems.push(...hostProblems(host));
  const bytes = toBinary(VirtualHostSchema, create(VirtualHostSchema, host));
  return { name: host.name, domains: host.domains, version: versionOf(bytes), bytes, causes };
}

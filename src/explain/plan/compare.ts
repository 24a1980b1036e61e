// The plan of a change: the mesh compiled before and after it, and what that changes for which workloads.

import type { Registry } from '@bufbuild/protobuf';
import type { Diagnostic } from '../../api/diagnostic.ts';
import type { MeshConfig } from '../../api/mesh-config.ts';
import type { MeshNetworks } from '../../api/mesh-networks.ts';
import { refKey, refOf, refText, type ApiObject } from '../../api/object.ts';
import { createCompiler, storeOf } from '../../compile/compile.ts';
import type { Compiler } from '../../compile/configuration.ts';
import { compareText } from '../../lib/order.ts';
import type { Resource } from '../../compile/resource.ts';
import type { Store } from '../../store/store.ts';
import { locateIn } from '../origins.ts';
import { comparer } from './changes.ts';
import { settingChanges } from './settings.ts';
import type { Change, ObjectChange, Plan, PlanGroup } from './plan.ts';
import { otherResources, snapshotOf, type NamedProxy, type Snapshot } from './snapshot.ts';

/** A mesh as it is, or as it would be. */
export interface MeshObjects {
  readonly objects: readonly ApiObject[];
  readonly meshConfig: MeshConfig;
  readonly meshNetworks?: MeshNetworks | undefined;
  readonly clusterId?: string | undefined;
  readonly remote?: ReadonlyMap<string, readonly ApiObject[]> | undefined;
  /** Those of them that somebody wrote, whose changes are told. */
  readonly written: readonly ApiObject[];
  /** Whose configuration is compared. */
  readonly proxies: readonly NamedProxy[];
  /** What is told of it besides what its proxies' configurations are lacking. */
  readonly diagnostics?: readonly Diagnostic[];
}

/** Gives the types that stand in the Any fields of resources: for what has no words but its fields' names. */
export type RegistryOf = (resources: Iterable<Resource>) => Promise<Registry>;

/** Looks at a side while it is compiled: at the first before, and at the second after the change. */
export type Look = (store: Store, compiler: Compiler) => void;

export async function planOf(
  before: MeshObjects,
  after: MeshObjects,
  registryOf: RegistryOf,
  look?: { readonly before: Look; readonly after: Look },
): Promise<Plan> {
  const store = storeOf(before);
  const compiler = createCompiler(store, 'eager');
  const was = snapshotOf(compiler, before.proxies);
  look?.before(store, compiler);
  const objects = objectChanges(before.written, after.written);
  become(store, before, after);
  const is = snapshotOf(compiler, after.proxies);
  look?.after(store, compiler);
  const words = {
    registry: await registryOf(otherResources(was, is)),
    before: locateIn(before.objects),
    after: locateIn(after.objects),
  };
  return {
    objects,
    settings: settingChanges(before, after),
    ...groupsOf(was, is, comparer(words)),
    diagnostics: told([...was.diagnostics, ...(before.diagnostics ?? [])], [...is.diagnostics, ...(after.diagnostics ?? [])]),
  };
}

interface Keyed {
  readonly object: ApiObject;
  /** All of it but where it came from and what a store writes into it. */
  readonly text: string;
}

const keyed = (objects: readonly ApiObject[]): Map<string, Keyed> =>
  new Map(objects.map((object) => [refKey(refOf(object)), { object, text: contentOf(object) }]));

function contentOf({ apiVersion, metadata: { labels, annotations }, body }: ApiObject): string {
  const { metadata: _metadata, status: _status, ...content } = body;
  return JSON.stringify([apiVersion, labels, annotations, content]);
}

function objectChanges(before: readonly ApiObject[], after: readonly ApiObject[]): ObjectChange[] {
  const [was, is] = [keyed(before), keyed(after)];
  const change = ({ object }: Keyed, word: ObjectChange['change']): ObjectChange => {
    const line = object.origin.position([])?.line;
    const place = line === undefined ? undefined : `${object.origin.source}:${line}`;
    return { object: refText(refOf(object)), change: word, ...(place !== undefined && { place }) };
  };
  return [
    ...[...is].flatMap(([key, each]) => {
      const old = was.get(key);
      return old === undefined ? [change(each, 'created')] : old.text === each.text ? [] : [change(each, 'changed')];
    }),
    ...[...was].flatMap(([key, each]) => (is.has(key) ? [] : [change(each, 'deleted')])),
  ];
}

/** One transaction, of what differs: all else keeps what was computed. */
function become(store: Store, before: MeshObjects, after: MeshObjects): void {
  const [was, is] = [keyed(before.objects), keyed(after.objects)];
  store.transaction(() => {
    if (JSON.stringify(before.meshConfig) !== JSON.stringify(after.meshConfig)) store.meshConfig.value = after.meshConfig;
    if (JSON.stringify(before.meshNetworks) !== JSON.stringify(after.meshNetworks))
      store.meshNetworks.value = after.meshNetworks ?? {};
    for (const [key, { object, text }] of is) if (was.get(key)?.text !== text) store.upsert(object);
    for (const [key, { object }] of was) if (!is.has(key)) store.remove(refOf(object));
  });
}

type Compare = ReturnType<typeof comparer>;

/** Workloads that are there on both sides; others come and go with their objects. */
function groupsOf(before: Snapshot, after: Snapshot, compare: Compare): Pick<Plan, 'groups' | 'unchanged'> {
  const workloads = new Map<string, Map<string, Change>>();
  const both = [...after.proxies].flatMap(([id, is]) => {
    const was = before.proxies.get(id);
    return was === undefined ? [] : [{ name: is.name, changes: compare(was.state, is.state) }];
  });
  for (const { name, changes } of both) {
    const known = workloads.get(name) ?? new Map<string, Change>();
    for (const change of changes) known.set(JSON.stringify(change), change);
    workloads.set(name, known);
  }
  const byChange = new Map<string, { readonly change: Change; readonly workloads: string[] }>();
  for (const [name, changes] of workloads) {
    for (const [key, change] of changes) {
      const known = byChange.get(key);
      if (known === undefined) byChange.set(key, { change, workloads: [name] });
      else known.workloads.push(name);
    }
  }
  const groups = Map.groupBy(byChange.values(), (each) => each.workloads.sort().join('\n'));
  return {
    groups: [...groups.values()]
      .map((each): PlanGroup => ({ workloads: each[0]?.workloads ?? [], changes: each.map(({ change }) => change) }))
      .sort((a, b) => b.workloads.length - a.workloads.length || compareText(a.workloads[0] ?? '', b.workloads[0] ?? '')),
    unchanged: [...workloads.values()].filter((changes) => changes.size === 0).length,
  };
}

function told(before: readonly Diagnostic[], after: readonly Diagnostic[]): Plan['diagnostics'] {
  const key = ({ code, object, path, message }: Diagnostic): string => JSON.stringify([code, object, path, message]);
  const [was, is] = [before, after].map((diagnostics) => new Map(diagnostics.map((each) => [key(each), each])));
  const only = (these: Map<string, Diagnostic> | undefined, others: Map<string, Diagnostic> | undefined): Diagnostic[] =>
    [...(these ?? [])].flatMap(([text, diagnostic]) => (others?.has(text) === true ? [] : [diagnostic]));
  return { appear: only(is, was), disappear: only(was, is) };
}

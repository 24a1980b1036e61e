// What the running mesh would be with a change: as its control plane works it in, so that a rule that leads nowhere waits, and what
// is still used stays (ADR 6).

import type { Diagnostic } from '../../api/diagnostic.ts';
import { meshConfigDefaults, type MeshConfig } from '../../api/mesh-config.ts';
import type { MeshNetworks } from '../../api/mesh-networks.ts';
import { refKey, refOf, type ApiObject, type ObjectRef } from '../../api/object.ts';
import { objectsOf } from '../../control/api/mesh.ts';
import { Succession } from '../../control/succession.ts';
import { meshConfigMap, meshNetworksMap, readMeshConfig } from '../../sources/mesh-config.ts';
import { Store } from '../../store/store.ts';
import { textOf } from '../mesh-inputs.ts';
import type { RunningMesh } from '../running-mesh.ts';

export interface RunningChange {
  readonly upserts: readonly ApiObject[];
  readonly deletes: readonly ObjectRef[];
  /** MeshConfig that it is to be started with. */
  readonly meshConfigFile?: string | undefined;
}

export interface RunningSide {
  /** As somebody wrote them, whatever is in effect. */
  readonly written: readonly ApiObject[];
  readonly objects: readonly ApiObject[];
  readonly meshConfig: MeshConfig;
  readonly meshNetworks: MeshNetworks;
  readonly clusterId: string;
  /** Of objects that wait or stay, and of the mesh's own configuration. */
  readonly diagnostics: readonly Diagnostic[];
}

export function runningSides(running: RunningMesh, change: RunningChange): { before: RunningSide; after: RunningSide } {
  const { clusterId, meshConfig, meshNetworks, waiting, staying } = running;
  const compiled = new Map(running.objects.map((each) => [refKey(refOf(each)), each]));
  const waits = waiting.map((each) => refKey(refOf(each)));
  const replaced = new Set([...waits, ...staying.map(refKey)]);
  const written = [...running.objects.filter((each) => !replaced.has(refKey(refOf(each)))), ...waiting];
  const store = new Store();
  store.meshConfig.value = meshConfig;
  store.meshNetworks.value = meshNetworks;
  store.clusterId.value = clusterId;
  const succession = new Succession(store, {
    forms: [...replaced].flatMap((key) => compiled.get(key) ?? []),
    absent: waiting.map(refOf).filter((ref) => !compiled.has(refKey(ref))),
  });
  store.transaction(() => succession.take({ upserts: written, deletes: [] }));
  const before = {
    written,
    objects: objectsOf(store),
    clusterId,
    meshConfig,
    meshNetworks,
    diagnostics: succession.diagnostics(),
  };

  const changed = changedObjects(written, change);
  const settings = settingsWith(changed, running, change.meshConfigFile);
  store.transaction(() => {
    store.meshConfig.value = settings.meshConfig;
    store.meshNetworks.value = settings.meshNetworks;
    succession.take({ upserts: changed.filter((each) => !written.includes(each)), deletes: change.deletes });
  });
  const diagnostics = [...succession.diagnostics(), ...settings.diagnostics];
  return { before, after: { clusterId, ...settings, written: changed, objects: objectsOf(store), diagnostics } };
}

/** As `lateen apply` and `delete` do: what is there keeps its age, what is new is the youngest. */
function changedObjects(written: readonly ApiObject[], { upserts, deletes }: RunningChange): ApiObject[] {
  const objects = new Map(written.map((each) => [refKey(refOf(each)), each]));
  for (const ref of deletes) objects.delete(refKey(ref));
  for (const object of upserts) {
    const key = refKey(refOf(object));
    const known = objects.get(key);
    const creationTimestamp = known === undefined ? youngest : known.metadata.creationTimestamp;
    const { creationTimestamp: _own, ...metadata } = object.metadata;
    objects.set(key, { ...object, metadata: { ...metadata, ...(creationTimestamp !== undefined && { creationTimestamp }) } });
  }
  return [...objects.values()];
}

const youngest = '9999-12-31T23:59:59Z';

type Settings = Pick<RunningSide, 'meshConfig' | 'meshNetworks' | 'diagnostics'>;

/** As control follows them: a file counts before the ConfigMap, and text that is no YAML changes nothing. */
function settingsWith(objects: readonly ApiObject[], running: RunningMesh, file: string | undefined): Settings {
  const networks = meshNetworksMap(objects);
  const meshNetworks = networks?.parsed === false ? running.meshNetworks : (networks?.networks ?? {});
  const stays = { config: running.meshConfig, parsed: true, diagnostics: [] };
  const read =
    file !== undefined
      ? readMeshConfig(textOf(file), file)
      : running.meshConfigFile !== undefined
        ? stays
        : (meshConfigMap(objects) ?? { ...stays, config: meshConfigDefaults() });
  return {
    meshConfig: read.parsed ? read.config : running.meshConfig,
    meshNetworks,
    diagnostics: [...read.diagnostics, ...(networks?.diagnostics ?? [])],
  };
}

// The two sides of a plan: the mesh as it is (the running one, other manifests, a git revision), and as it would be.

import { decode } from '../../api/decode.ts';
import { meshConfigDefaults } from '../../api/mesh-config.ts';
import { refKey, refOf, type ApiObject } from '../../api/object.ts';
import type { MeshObjects } from '../../explain/plan/compare.ts';
import { loadFiles, readManifest } from '../../sources/manifest.ts';
import { noteErrors } from '../diagnostics.ts';
import { Failure } from '../failure.ts';
import { meshConfigFor, meshNetworksFor } from '../mesh-inputs.ts';
import { runningObjects } from '../running-objects.ts';
import type { Terminal } from '../terminal.ts';
import type { PlanOptions } from '../verbs/plan.ts';
import { AssumedAddresses, withAssumed } from '../why/assumed.ts';
import { planProxies } from './proxies.ts';
import { filesAt } from './revision.ts';

export interface Sides {
  readonly before: MeshObjects;
  readonly after: MeshObjects;
}

export async function sidesOf(paths: readonly string[], options: PlanOptions, terminal: Terminal): Promise<Sides> {
  const given = objectsIn(paths, terminal);
  if (options.against === undefined && options.rev === undefined) {
    const running = await runningObjects(options);
    const changed = options.delete === true ? without(running, given) : applied(running, given);
    // What runs already has all that would be assumed; what comes new has not.
    return { before: sideOf(running, running, options), after: sideOf(changed, withAssumed(changed).objects, options) };
  }
  const base = options.rev === undefined ? objectsIn(options.against ?? [], terminal) : objectsAt(options.rev, paths);
  // Both sides take what is the same for the same, whatever else there is.
  const addresses = new AssumedAddresses();
  const side = (written: readonly ApiObject[]): MeshObjects => sideOf(written, withAssumed(written, addresses).objects, options);
  return { before: side(base), after: side(options.delete === true ? without(base, given) : given) };
}

function sideOf(written: readonly ApiObject[], objects: readonly ApiObject[], { meshConfig: file }: PlanOptions): MeshObjects {
  const meshConfig = meshConfigFor(file, objects)?.config ?? meshConfigDefaults();
  const meshNetworks = meshNetworksFor(undefined, objects)?.networks;
  return { written, objects, meshConfig, meshNetworks, proxies: planProxies(objects, meshConfig) };
}

function objectsIn(paths: readonly string[], terminal: Terminal): readonly ApiObject[] {
  const { objects, diagnostics } = loadFiles(paths, decode);
  noteErrors(terminal, diagnostics);
  if (objects.length === 0)
    throw new Failure(`there are no objects in ${paths.join(', ')}`, 'name the files or folders of your manifests');
  return objects;
}

/** Of several of one name the first counts, as in files that are there. What is wrong with what was is no news. */
function objectsAt(revision: string, paths: readonly string[]): ApiObject[] {
  const objects = filesAt(revision, paths).flatMap(({ text, source }) =>
    readManifest(text, source, decode).items.flatMap(({ object }) => object ?? []),
  );
  return [...Map.groupBy(objects, (each) => refKey(refOf(each))).values()].flatMap(([first]) => first ?? []);
}

/** As `lateen apply` does: what is there keeps its age, what is new is the youngest. */
function applied(running: readonly ApiObject[], given: readonly ApiObject[]): ApiObject[] {
  const objects = new Map(running.map((each) => [refKey(refOf(each)), each]));
  for (const object of given) {
    const key = refKey(refOf(object));
    const known = objects.get(key);
    const creationTimestamp = known === undefined ? youngest : known.metadata.creationTimestamp;
    objects.set(key, {
      ...object,
      metadata: { ...object.metadata, ...(creationTimestamp !== undefined && { creationTimestamp }) },
    });
  }
  return [...objects.values()];
}

const youngest = '9999-12-31T23:59:59Z';

function without(objects: readonly ApiObject[], gone: readonly ApiObject[]): ApiObject[] {
  const keys = new Set(gone.map((each) => refKey(refOf(each))));
  return objects.filter((each) => !keys.has(refKey(refOf(each))));
}

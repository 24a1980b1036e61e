// The two sides of a plan: the mesh as it is (the running one, other manifests, a git revision), and as it would be.

import { decode } from '../../api/decode.ts';
import { refKey, refOf, type ApiObject } from '../../api/object.ts';
import type { MeshObjects } from '../../explain/plan/compare.ts';
import { readManifest } from '../../sources/manifest.ts';
import { meshConfigMap } from '../../sources/mesh-config.ts';
import { connect, type Client } from '../client.ts';
import { givenMesh, objectsIn } from '../given-mesh.ts';
import { runningMesh } from '../running-mesh.ts';
import type { Terminal } from '../terminal.ts';
import type { PlanOptions } from '../verbs/plan.ts';
import { AssumedAddresses, withAssumed } from '../why/assumed.ts';
import { planProxies } from './proxies.ts';
import { filesAt } from './revision.ts';
import { runningSides } from './running-change.ts';

export interface Sides {
  readonly before: MeshObjects;
  readonly after: MeshObjects;
  /** Where the mesh runs that is compared with. */
  readonly running?: Client;
}

export async function sidesOf(paths: readonly string[], options: PlanOptions, terminal: Terminal): Promise<Sides> {
  const given = objectsIn(paths, terminal);
  if (options.against === undefined && options.rev === undefined) return withRunning(given, options, terminal);
  const base = options.rev === undefined ? objectsIn(options.against ?? [], terminal) : objectsAt(options.rev, paths);
  // Both sides take what is the same for the same, whatever else there is.
  const addresses = new AssumedAddresses();
  const side = (written: readonly ApiObject[], about?: Terminal): MeshObjects => {
    const mesh = givenMesh(written, options, about, addresses);
    return { ...mesh, proxies: planProxies(mesh) };
  };
  return { before: side(base), after: side(options.delete === true ? without(base, given) : given, terminal) };
}

async function withRunning(given: readonly ApiObject[], options: PlanOptions, terminal: Terminal): Promise<Sides> {
  const client = connect(options);
  const running = await runningMesh(client);
  const { meshConfigFile } = running;
  if (meshConfigFile !== undefined && options.meshConfig === undefined && meshConfigMap(given) !== undefined) {
    terminal.note(
      `the running mesh takes its MeshConfig from ${meshConfigFile}: what the ConfigMap says of it changes nothing (--mesh-config asks about another file)`,
    );
  }
  const { before, after } = runningSides(running, {
    upserts: options.delete === true ? [] : given,
    deletes: options.delete === true ? given.map(refOf) : [],
    meshConfigFile: options.meshConfig,
  });
  // What runs already has all that would be assumed; what comes new has not.
  const changed = { ...after, objects: withAssumed(after.objects).objects };
  return {
    before: { ...before, proxies: planProxies(before) },
    after: { ...changed, proxies: planProxies(changed) },
    running: client,
  };
}

/** Of several of one name the first counts, as in files that are there. What is wrong with what was is no news. */
function objectsAt(revision: string, paths: readonly string[]): ApiObject[] {
  const objects = filesAt(revision, paths).flatMap(({ text, source }) =>
    readManifest(text, source, decode).items.flatMap(({ object }) => object ?? []),
  );
  return [...Map.groupBy(objects, (each) => refKey(refOf(each))).values()].flatMap(([first]) => first ?? []);
}

function without(objects: readonly ApiObject[], gone: readonly ApiObject[]): ApiObject[] {
  const keys = new Set(gone.map((each) => refKey(refOf(each))));
  return objects.filter((each) => !keys.has(refKey(refOf(each))));
}

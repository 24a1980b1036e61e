// Patches of the bootstrap with which a proxy's process is started: whoever makes one asks here what EnvoyFilters change of it.

import { clone } from '@bufbuild/protobuf';
import { BootstrapSchema, type Bootstrap } from '../../../gen/envoy/config/bootstrap/v3/bootstrap_pb.js';
import type { Diagnostic } from '../../api/diagnostic.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { ProxyNode } from '../configuration.ts';
import { attempt, refusalDiagnostics } from './attempt.ts';
import { mergeValue } from './merge-value.ts';
import type { Patch } from './patch.ts';
import { brokenRules } from './rules.ts';
import { bootstrapPatchesOf } from './selection.ts';

export { types as patchTypes } from './types.ts';

export interface BootstrapPatches {
  /** The patched copy; the same object where nothing is for it. */
  apply(made: Bootstrap): { readonly bootstrap: Bootstrap; readonly diagnostics: readonly Diagnostic[] };
  /** What to say where Envoy does not start with the patched copy. */
  refused(reason: string): Diagnostic[];
}

/** What EnvoyFilters change of the bootstrap of a proxy; undefined where none does. */
export function bootstrapPatches(mesh: Mesh, node: ProxyNode): BootstrapPatches | undefined {
  const patches = bootstrapPatchesOf(mesh, node);
  if (patches.length === 0) return undefined;
  return {
    apply(made) {
      const { value, refusals } = attempt('the bootstrap', patches, (list) => patched(made, list));
      return { bootstrap: value, diagnostics: refusalDiagnostics(refusals) };
    },
    refused: (problem) => refusalDiagnostics(patches.map((patch) => ({ patch, resource: 'the bootstrap', problem }))),
  };
}

function patched(made: Bootstrap, patches: readonly Patch[]) {
  const value = clone(BootstrapSchema, made);
  const used: Patch[] = [];
  for (const patch of patches) mergeValue(BootstrapSchema, value, patch, (one) => used.push(one));
  // Who the proxy is, where its configuration comes from and where it is watched stay its agent's.
  if (made.node) value.node = made.node;
  if (made.dynamicResources) value.dynamicResources = made.dynamicResources;
  if (made.admin?.address && value.admin) value.admin.address = made.admin.address;
  return { value, used, problems: brokenRules(BootstrapSchema, value) };
}

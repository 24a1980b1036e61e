// What is wrong between the objects of some files, as the compiler sees it: the part of `lateen analyze` that `validate` has too.

import type { Diagnostic } from '../../api/diagnostic.ts';
import { meshConfigDefaults } from '../../api/mesh-config.ts';
import type { ApiObject } from '../../api/object.ts';
import { compiledDiagnostics, hasServices, reference } from '../../explain/analyze/compiled.ts';
import { meshConfigMap, meshNetworksMap } from '../../sources/mesh-config.ts';

export interface WholeMesh {
  /** Each finding once. What is not in the files may be in the mesh that they are for, so its lack is a warning here. */
  readonly diagnostics: readonly Diagnostic[];
  /** False where the files hold no service at all: then each reference to one would be told to lead nowhere. */
  readonly referencesChecked: boolean;
}

export function wholeMesh(objects: readonly ApiObject[]): WholeMesh {
  const mesh = meshConfigMap(objects);
  const networks = meshNetworksMap(objects);
  const input = {
    objects,
    meshConfig: mesh?.config ?? meshConfigDefaults(),
    meshNetworks: networks?.networks,
    whole: false,
  };
  const referencesChecked = hasServices(input);
  const found = [...(mesh?.diagnostics ?? []), ...(networks?.diagnostics ?? []), ...compiledDiagnostics(input)];
  const diagnostics = found.flatMap((diagnostic): Diagnostic[] => {
    if (diagnostic.code !== reference) return [diagnostic];
    if (!referencesChecked) return [];
    return [{ ...diagnostic, severity: 'warning', help: `${diagnostic.help}; or name the file that has it as well` }];
  });
  return { diagnostics, referencesChecked };
}

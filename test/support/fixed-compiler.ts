// A compiler that has the same for everybody: nothing, or some listeners and clusters.

import { signal } from '@preact/signals-core';
import type { Compiler, Configuration } from '../../src/compile/configuration.ts';
import type { Resource } from '../../src/compile/resource.ts';

type Resources = ReadonlyMap<string, Resource>;

export function fixedCompiler(listeners: Resources = new Map(), clusters: Resources = new Map()): Compiler {
  const configuration: Configuration = {
    id: 'fixed',
    listeners: signal(listeners),
    clusters: signal(clusters),
    endpoints: () => signal(undefined),
    route: () => signal(undefined),
    secret: () => signal(undefined),
    endpointNames: signal([]),
    routeNames: signal([]),
    secretNames: signal([]),
    diagnostics: signal([]),
  };
  return { configurationFor: () => signal(configuration) };
}

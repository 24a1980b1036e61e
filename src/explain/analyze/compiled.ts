// What the compiler finds wrong, asked for every class of proxies of a mesh: the same that the server says of those that are connected.

import type { Diagnostic } from '../../api/diagnostic.ts';
import { createCompiler, storeOf } from '../../compile/compile.ts';
import type { Store } from '../../store/store.ts';
import type { AnalysisInput } from './input.ts';
import { proxiesOf } from './proxies.ts';

/** Each finding once, class by class; between two of them whoever asks may do something else. */
export function* compiledDiagnostics(input: AnalysisInput, store: Store = storeOf(input)): Generator<Diagnostic> {
  const compiler = createCompiler(store);
  const nodes = new Map(proxiesOf(input.objects, input.meshConfig).map((node) => [node.id, node]));
  const classes = new Set<string>();
  const told = new Set<string>();
  for (const node of nodes.values()) {
    const { id, diagnostics } = compiler.configurationFor(node).value;
    if (classes.has(id)) continue;
    classes.add(id);
    for (const diagnostic of diagnostics.value) {
      const key = JSON.stringify(diagnostic);
      if (told.has(key)) continue;
      told.add(key);
      yield diagnostic;
    }
  }
}

/** The code of what refers to nothing. */
export const reference = 'IST0101';

/** Whether references to services can be checked at all: where there is none, each would be told to lead nowhere. */
export const hasServices = ({ objects, whole }: AnalysisInput): boolean =>
  whole || objects.some(({ kind }) => kind === 'Service' || kind === 'ServiceEntry');

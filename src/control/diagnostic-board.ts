// All that is wrong with the configuration now, from every room that finds something: what status, metrics and the API read.

import type { Diagnostic } from '../api/diagnostic.ts';

export class DiagnosticBoard {
  readonly #bySubject = new Map<string, readonly Diagnostic[]>();
  readonly #live: () => Iterable<Diagnostic>;

  /** `live` gives what is computed when asked: the diagnostics of the proxy classes that are connected. */
  constructor(live: () => Iterable<Diagnostic> = () => []) {
    this.#live = live;
  }

  /** Replaces what `subject` (the sources, the mesh configuration) said before. */
  set(subject: string, diagnostics: readonly Diagnostic[]): void {
    if (diagnostics.length === 0) this.#bySubject.delete(subject);
    else this.#bySubject.set(subject, diagnostics);
  }

  /** Each once, worst first: two proxy classes say the same of one object. */
  all(): Diagnostic[] {
    const seen = new Map<string, Diagnostic>();
    for (const diagnostic of [...[...this.#bySubject.values()].flat(), ...this.#live()])
      seen.set(JSON.stringify(diagnostic), diagnostic);
    return [...seen.values()].sort((a, b) => order[a.severity] - order[b.severity]);
  }

  counts(): Record<Diagnostic['severity'], number> {
    const counts = { error: 0, warning: 0, info: 0 };
    for (const { severity } of this.all()) counts[severity]++;
    return counts;
  }
}

const order = { error: 0, warning: 1, info: 2 } as const;

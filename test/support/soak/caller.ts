// Traffic from a pod of a running mesh, followed from the test.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { node, type RunningMesh } from '../mesh.ts';
import type { Failure, LanePlan, Traffic } from './lanes.ts';

/** What the program in the pod says. */
export type TrafficWord = { readonly failure: Failure } | { readonly lanes: Traffic['lanes'] };

const program = fileURLToPath(new URL('traffic-program.ts', import.meta.url));

export interface CallerOptions {
  readonly everyMs: number;
  readonly failed: (failure: Failure) => void;
}

export class Caller {
  readonly #pod: string;
  readonly #child: ChildProcess;
  #lanes: Traffic['lanes'] | undefined;
  #errors = '';

  constructor(mesh: RunningMesh, pod: string, plans: Readonly<Record<string, LanePlan>>, { everyMs, failed }: CallerOptions) {
    this.#pod = pod;
    const args = ['--disable-warning=ExperimentalWarning', program, String(everyMs), JSON.stringify(plans)];
    this.#child = mesh.execute(pod, [node, ...args]);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
    if (this.#child.stdout === null) return;
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const word = JSON.parse(line) as TrafficWord;
      if ('failure' in word) failed(word.failure);
      else this.#lanes = word.lanes;
    });
  }

  /** Ends it, and says what came of it. */
  async stop(): Promise<Traffic['lanes']> {
    this.#child.stdin?.end();
    if (this.#child.exitCode === null) await once(this.#child, 'close');
    assert.ok(this.#lanes !== undefined, `${this.#pod} did not say what came of its traffic: ${this.#errors}`);
    return this.#lanes;
  }
}

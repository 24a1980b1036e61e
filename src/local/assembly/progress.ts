// What a person sees while a mesh comes up: each pod as it gets ready, and the moment when all of them are.

import type { PodView } from '../pod-view.ts';
import type { Platform } from '../platform.ts';

export interface ProgressOptions {
  readonly platform: Pick<Platform, 'pods'>;
  readonly say: (line: string) => void;
  /** Called once, when everything that was asked for at the start is ready. */
  readonly ready: () => void;
}

const lookEveryMs = 100;
/** Pods that cannot start must not keep the others' readiness a secret: they are told when nothing else is waited for, or after this. */
const patienceMs = 30_000;
const inTrouble = ({ status }: PodView): boolean =>
  status.endsWith('Error') || status.endsWith('BackOff') || status === 'ErrImagePull';

export class Progress implements Disposable {
  readonly #options: ProgressOptions;
  readonly #told = new Map<string, string>();
  readonly #began = Date.now();
  #timer: NodeJS.Timeout | undefined;
  #done = false;
  #complained = false;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
  }

  #look(): void {
    const pods = this.#options.platform.pods();
    for (const pod of pods) {
      const key = `${pod.namespace}/${pod.name}`;
      const state = pod.ready ? 'ready' : pod.status;
      if (this.#told.get(key) === state || state === 'Pending' || state === 'Running') continue;
      this.#told.set(key, state);
      const ready = pods.filter((each) => each.ready).length;
      this.#options.say(
        `  ${pod.ready ? 'ready ' : state.padEnd(6)} ${pod.name}${pod.namespace === 'default' ? '' : ` (${pod.namespace})`}  ${ready}/${pods.length}`,
      );
    }
    if (this.#done) return;
    const waiting = pods.filter((pod) => !pod.ready);
    if (waiting.length === 0) {
      this.#done = true;
      this.#options.ready();
    } else if (!this.#complained && (waiting.every(inTrouble) || Date.now() - this.#began > patienceMs)) {
      this.#complained = true;
      const names = waiting.map(({ name, status }) => `${name} (${status})`).join(', ');
      this.#options.say(`not ready: ${names}; the rest runs. lateen ps and lateen logs say more`);
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

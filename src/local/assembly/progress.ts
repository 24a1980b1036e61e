// What a person sees while a mesh comes up: each pod as it gets ready, and the moment when all of them are.

import type { StartReport } from '../../control/platform.ts';
import { entranceText, notReadyText } from '../../control/start-text.ts';
import type { PodView } from '../pod-view.ts';
import type { Platform } from '../platform.ts';

export interface ProgressOptions {
  readonly platform: { readonly pods: () => readonly Progressing[] };
  readonly say: (line: string) => void;
  /** URLs to look at; asked when everything is ready, or as much as will be. */
  readonly entrances: () => readonly string[];
  /** Called once, when everything that was asked for at the start is ready. */
  readonly ready: () => void;
  /** Milliseconds. */
  readonly now?: () => number;
}

type Progressing = Pick<ReturnType<Platform['pods']>[number], 'namespace' | 'name' | 'status' | 'ready'>;

const lookEveryMs = 100;
/** Pods that cannot start must not keep the others' readiness a secret: they are told when nothing else is waited for, or after this. */
const patienceMs = 30_000;
const inTrouble = ({ status }: Pick<PodView, 'status'>): boolean =>
  status.endsWith('Error') || status.endsWith('BackOff') || status === 'ErrImagePull';

export class Progress implements Disposable {
  readonly #options: ProgressOptions;
  readonly #told = new Map<string, string>();
  readonly #now: () => number;
  readonly #began: number;
  #timer: NodeJS.Timeout | undefined;
  #waiting: readonly Progressing[] = [];
  #entrances: readonly string[] = [];
  #state: StartReport['state'] = 'starting';

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#began = this.#now();
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), lookEveryMs);
  }

  /** For those who wait elsewhere: `lateen up -d`. */
  report(): StartReport {
    const waiting = this.#waiting.map(({ namespace, name, status }) => ({ pod: { namespace, name }, status }));
    return { state: this.#state, waiting, entrances: this.#entrances };
  }

  /** Says what is new. */
  look(): void {
    const { platform, say, ready } = this.#options;
    const pods = platform.pods();
    for (const pod of pods) {
      const key = `${pod.namespace}/${pod.name}`;
      const state = pod.ready ? 'ready' : pod.status;
      if (this.#told.get(key) === state || state === 'Pending' || state === 'Running') continue;
      this.#told.set(key, state);
      const count = pods.filter((each) => each.ready).length;
      say(
        `  ${pod.ready ? 'ready ' : state.padEnd(6)} ${pod.name}${pod.namespace === 'default' ? '' : ` (${pod.namespace})`}  ${count}/${pods.length}`,
      );
    }
    if (this.#state === 'ready') return;
    const waiting = pods.filter((pod) => !pod.ready);
    this.#waiting = waiting;
    if (waiting.length === 0) {
      this.#state = 'ready';
      this.#showEntrances();
      ready();
    } else if (this.#state === 'starting' && (waiting.every(inTrouble) || this.#now() - this.#began > patienceMs)) {
      this.#state = 'troubled';
      say(notReadyText(this.report()));
      this.#showEntrances();
    }
  }

  /** Those that were not shown before. */
  #showEntrances(): void {
    const before = this.#entrances;
    this.#entrances = this.#options.entrances();
    for (const url of this.#entrances) if (!before.includes(url)) this.#options.say(entranceText(url));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

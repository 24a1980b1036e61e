// Waits in tests for what comes in its own time: looks often, and fails with a sentence when it never comes.

import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves with what `look` finds once that is neither undefined nor false; `what` finishes the sentence "waited for". */
export async function until<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  what: () => string,
  patienceMs = 30_000,
): Promise<T> {
  for (const deadline = performance.now() + patienceMs; ;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited ${patienceMs / 1000} s in vain for ${what()}`);
    await sleep(50);
  }
}

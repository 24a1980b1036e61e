// How long a container that ended waits before it starts again: quick at first, minutes when it keeps dying. Pure.

/** A second, doubling at each restart, at most five minutes. */
export const restartDelayMs = (restartsInARow: number): number => Math.min(1000 * 2 ** restartsInARow, 300_000);

/** A run this long counts as healthy: the next restart is quick again. */
export const healthyRunMs = 600_000;

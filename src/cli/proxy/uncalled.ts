// What a proxy on demand can call and has not called yet: what it would have if it were sent everything, but for what it has.

import type { JsonValue } from '@bufbuild/protobuf';
import { text } from '../envoy-tables/json.ts';
import { Failure } from '../failure.ts';
import type { OnlineOptions } from '../verb.ts';
import { runningWorld } from '../why/running.ts';

interface Options extends OnlineOptions {
  readonly namespace?: string;
}

/** Names of clusters; undefined where the workload's configuration cannot be compiled here. */
export async function uncalledBy(
  workload: string,
  has: readonly JsonValue[],
  options: Options,
): Promise<readonly string[] | undefined> {
  const { world } = await runningWorld(options);
  const called = new Set(has.map((cluster) => text(cluster, 'name')));
  try {
    const { configuration } = world.proxyOf(options.namespace === undefined ? workload : `${workload}.${options.namespace}`);
    return configuration.clusterNames().filter((name) => !called.has(name));
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

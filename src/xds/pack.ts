// Bytes of many resources, shared by every stream that sends the same run of them: a first sync costs one copy, not a thousand.

import { partsOf, type Resource, type ResourceType } from '../compile/resource.ts';
import { entryHead, type Protocol } from './response.ts';

/** What is kept per resource: a number for its runs' keys, and its entry's head in either form. */
interface Entry {
  readonly number: number;
  delta?: Buffer;
  sotw?: Buffer;
}

interface Run {
  readonly key: string;
  readonly resources: readonly Resource[];
}

/** Up to here a response lists each resource's own buffers; above, resources are joined into runs. */
const fewest = 16;
/** A run ends after a resource whose number divides by this, so that equal neighbourhoods in different lists give equal runs. */
const runLength = 32;
const longestRun = 128;

/**
 * Turns resources into the buffers of a response. Runs are kept, the latest used first, up to `budget` bytes; what is dropped
 * is made again when wanted. Lists are remembered by identity: pass the same array for the same content.
 */
export class Packer {
  readonly #budget: number;
  readonly #entries = new WeakMap<Resource, Entry>();
  readonly #plans = new WeakMap<readonly Resource[], readonly Run[]>();
  readonly #kept = new Map<string, Buffer>();
  #keptBytes = 0;
  #numbers = 0;

  constructor(budget = 64 << 20) {
    this.#budget = budget;
  }

  /** Bytes of the runs kept now. */
  get held(): number {
    return this.#keptBytes;
  }

  pack(protocol: Protocol, type: ResourceType, resources: readonly Resource[]): Uint8Array[] {
    if (resources.length <= fewest)
      return resources.flatMap((resource) => [this.#head(protocol, type, resource), ...partsOf(resource)]);
    let plan = this.#plans.get(resources);
    if (!plan) {
      plan = this.#plan(resources);
      this.#plans.set(resources, plan);
    }
    return plan.map((run) => this.#run(protocol, type, run));
  }

  #plan(resources: readonly Resource[]): Run[] {
    const runs: Run[] = [];
    let run: Resource[] = [];
    let key = '';
    const close = () => {
      if (run.length > 0) runs.push({ key, resources: run });
      run = [];
      key = '';
    };
    for (const resource of resources) {
      const { number } = this.#entry(resource);
      run.push(resource);
      key += `${number.toString(36)},`;
      if (number % runLength === 0 || run.length === longestRun) close();
    }
    close();
    return runs;
  }

  #run(protocol: Protocol, type: ResourceType, run: Run): Buffer {
    const key = `${protocol}:${run.key}`;
    const kept = this.#kept.get(key);
    if (kept) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept;
    }
    const bytes = Buffer.concat(
      run.resources.flatMap((resource) => [this.#head(protocol, type, resource), ...partsOf(resource)]),
    );
    this.#kept.set(key, bytes);
    this.#keptBytes += bytes.length;
    for (const [oldest, old] of this.#kept) {
      if (this.#keptBytes <= this.#budget || oldest === key) break;
      this.#kept.delete(oldest);
      this.#keptBytes -= old.length;
    }
    return bytes;
  }

  #head(protocol: Protocol, type: ResourceType, resource: Resource): Buffer {
    const entry = this.#entry(resource);
    return (entry[protocol] ??= entryHead(protocol, type, resource));
  }

  #entry(resource: Resource): Entry {
    let entry = this.#entries.get(resource);
    if (!entry) {
      this.#numbers += 1;
      entry = { number: this.#numbers };
      this.#entries.set(resource, entry);
    }
    return entry;
  }
}

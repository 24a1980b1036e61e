// What all streams see that are of one class and asked for the same names of one type: content, revisions, differences.

import { createHash } from 'node:crypto';
import type { Configuration } from '../compile/configuration.ts';
import { partsOf, type Resource, type ResourceType } from '../compile/resource.ts';
import { NamedContent, type Change, type Content, type Looked } from './content.ts';

/** What brings a stream from one revision of a view to the present one. Shared: equal differences are one object. */
export interface Difference {
  /** By name, so that equal content packs into equal runs. */
  readonly resources: readonly Resource[];
  /** What went, by name, with what it was where that is known. */
  readonly removed: ReadonlyMap<string, Resource | undefined>;
}

const noneRemoved: Difference['removed'] = new Map();
export const noDifference: Difference = { resources: [], removed: noneRemoved };

/** A stream's subscription, as far as its view cares. */
export interface Member {
  /** The revision it was brought to; `nothing` before its first answer. */
  readonly sent: number;
}

export const nothing = -1;

interface LogEntry extends Change {
  readonly revision: number;
}

/**
 * A stream keeps only the number of the revision it was sent, so that a thousand streams that see the same cost a thousand
 * numbers. The log of changes reaches back to the member that is furthest behind, with one entry per name.
 */
export class View implements Looked {
  readonly configuration: Configuration;
  readonly type: ResourceType;
  readonly names: ReadonlySet<string> | undefined;
  readonly table: string;
  readonly members = new Set<Member>();
  readonly #content: Content;
  #revision = 0;
  #log: LogEntry[] = [];
  readonly #differences = new Map<number, Difference>();
  #version: string | undefined;
  readonly #mentions = new Map<string, boolean>();

  constructor(configuration: Configuration, { type, names, table }: Looked, content: Content) {
    this.configuration = configuration;
    this.type = type;
    this.names = names;
    this.table = table;
    this.#content = content;
  }

  get revision(): number {
    return this.#revision;
  }

  /** A digest of all names and versions, for SotW's `version_info`: equal content, equal version, after restarts too. */
  get version(): string {
    if (this.#version === undefined) {
      const hash = createHash('sha256');
      for (const { name, version } of this.since(nothing).resources) hash.update(`${name}\0${version}\n`);
      this.#version = hash.digest('base64url').slice(0, 16);
    }
    return this.#version;
  }

  get(name: string): Resource | undefined {
    return this.#content.get(name);
  }

  /** Whether it is known what stands under `name`: not before its cell could be computed. */
  knows(name: string): boolean {
    return this.#content.knows(name);
  }

  /** Whether there can be an answer at all: clusters or listeners that could never be computed are not the same as none. */
  get known(): boolean {
    return this.#content.known;
  }

  /** Why some of it cannot be computed now; what was computed last stays. */
  failure(): string | undefined {
    return this.#content.failure();
  }

  all(): Iterable<Resource> {
    return this.#content.all();
  }

  /** Whether a name stands anywhere in the resources: asked for clusters that are to go. A longer name that holds it counts too. */
  mentions(name: string): boolean {
    let found = this.#mentions.get(name);
    if (found === undefined) {
      const text = Buffer.from(name);
      found = [...this.all()].some((resource) => partsOf(resource).some((part) => asBuffer(part).includes(text)));
      this.#mentions.set(name, found);
    }
    return found;
  }

  /** Takes over what the cells say now. */
  refresh(): void {
    const { known } = this.#content;
    const changes = this.#content.refresh();
    // To learn that there is nothing is news, too.
    if (changes.length === 0 && known === this.#content.known) return;
    this.#bump();
    for (const change of changes) this.#log.push({ revision: this.#revision, ...change });
    if (this.#log.length > 64 && this.#log.length > 2 * (this.names?.size ?? changes.length)) this.#compact();
  }

  since(revision: number): Difference {
    let difference = this.#differences.get(revision);
    if (!difference) {
      difference =
        revision === nothing ? { resources: byName([...this.all()]), removed: noneRemoved } : this.#changedSince(revision);
      this.#differences.set(revision, difference);
    }
    return difference;
  }

  /** Changes the names of a view that has one member, in place. Only for types that come by name. */
  rename(add: Iterable<string>, remove: Iterable<string>): void {
    if (!(this.#content instanceof NamedContent) || !this.names) return;
    const names = this.names as Set<string>;
    for (const name of remove) if (names.delete(name)) this.#content.remove(name);
    for (const name of add) {
      if (names.has(name)) continue;
      names.add(name);
      this.#content.add(name);
    }
    // What goes and comes back by name must not be found in the log as a change of content.
    this.#differences.clear();
    this.#mentions.clear();
    this.#version = undefined;
  }

  close(): void {
    this.#content.close();
  }

  #bump(): void {
    this.#revision += 1;
    this.#differences.clear();
    this.#mentions.clear();
    this.#version = undefined;
  }

  #changedSince(revision: number): Difference {
    const then = new Map<string, Resource | undefined>();
    for (let index = this.#log.length - 1; index >= 0; index -= 1) {
      const entry = this.#log[index];
      if (!entry || entry.revision <= revision) break;
      then.set(entry.name, entry.before);
    }
    const resources: Resource[] = [];
    const removed = new Map<string, Resource>();
    for (const [name, before] of then) {
      const resource = this.get(name);
      if (resource) resources.push(resource);
      else if (before && (this.names?.has(name) ?? true)) removed.set(name, before);
    }
    return { resources: byName(resources), removed };
  }

  /** Drops what every member has been sent, and all but the earliest mention of a name that nobody has been sent between. */
  #compact(): void {
    let oldest = this.#revision;
    for (const { sent } of this.members) if (sent !== nothing && sent < oldest) oldest = sent;
    this.#log = this.#log.filter(({ revision }) => revision > oldest);
    if (this.#log.length <= 2 * (this.names?.size ?? 64)) return;
    const last = new Map<string, LogEntry>();
    for (const entry of this.#log) {
      const first = last.get(entry.name);
      last.delete(entry.name);
      last.set(entry.name, { ...entry, before: first?.before ?? entry.before });
    }
    this.#log = [...last.values()];
  }
}

const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer => Buffer.from(buffer, byteOffset, byteLength);

function byName(resources: Resource[]): Resource[] {
  const sorted = resources.every((resource, index) => index === 0 || (resources[index - 1]?.name ?? '') <= resource.name);
  return sorted ? resources : resources.sort((left, right) => (left.name < right.name ? -1 : left.name > right.name ? 1 : 0));
}

// A compiler of signals that tests set by hand: classes, their clusters and listeners, and endpoints shared by all classes.

import { batch, computed, signal, type ReadonlySignal, type Signal } from '@preact/signals-core';
import type { Compiler, Configuration, ProxyNode } from '../../../src/compile/configuration.ts';
import { versionOf, type Resource, type ResourceType } from '../../../src/compile/resource.ts';

export const resource = (name: string, bytes: Uint8Array): Resource => ({ name, version: versionOf(bytes), bytes, causes: [] });

/** A Cluster message with nothing but a name and, for EDS clusters, the type. */
export function fakeCluster(name: string, more = '', eds = true): Resource {
  const text = Buffer.from(name);
  const alt = Buffer.from(more);
  // Cluster.name = 1, Cluster.alt_stat_name = 28, Cluster.type = 2.
  const parts = [Buffer.from([0x0a, text.length]), text, Buffer.from([0xe2, 0x01, alt.length]), alt];
  return resource(name, Buffer.concat([...parts, eds ? Buffer.from([0x10, 3]) : Buffer.alloc(0)]));
}

/** A Listener message with nothing but a name, an address and a port below 128; `more` makes it another. */
export function fakeListener(name: string, address: string, port: number, more = ''): Resource {
  const field = (number: number, ...parts: Buffer[]) => {
    const bytes = Buffer.concat(parts);
    return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
  };
  const text = (number: number, value: string) => field(number, Buffer.from(value));
  // Listener.name = 1, Listener.address = 2; Address.socket_address = 1, with address = 2 and port_value = 3.
  const socket = field(1, text(2, address), Buffer.from([0x18, port]));
  return resource(name, Buffer.concat([text(1, name), field(2, socket), ...(more === '' ? [] : [text(11, more)])]));
}

/** Some bytes for a resource whose content the test does not look into. */
export const fake = (name: string, content = ''): Resource => resource(name, Buffer.from(`${name}=${content}`));

type Maps = 'cluster' | 'listener';
type Named = Exclude<ResourceType, Maps>;

/** The state of one class. */
export class FakeClass {
  readonly id: string;
  readonly cluster = signal<ReadonlyMap<string, Resource>>(new Map());
  readonly listener = signal<ReadonlyMap<string, Resource>>(new Map());
  /** What cannot be computed: a type, or `type name`, each with why. */
  readonly broken = signal<Readonly<Record<string, string>>>({});
  readonly #named: FakeNamed;
  readonly configuration: Configuration;

  constructor(id: string, named: FakeNamed) {
    this.id = id;
    this.#named = named;
    const names = (type: Named) => computed(() => named.present(type));
    const routes = new Map<string, ReadonlySignal<Resource | undefined>>();
    const route = (name: string) => {
      let cell = routes.get(name);
      if (!cell) routes.set(name, (cell = this.#unless(`route ${name}`, named.cell('route', name))));
      return cell;
    };
    this.configuration = {
      id,
      delivery: 'demand',
      listeners: this.#unless('listener', this.listener),
      clusters: this.#unless('cluster', this.cluster),
      endpoints: (name) => named.cell('endpoint', name),
      route,
      secret: (name) => named.cell('secret', name),
      called: (name) => computed(() => named.cell('called', name).value ?? fake(name)),
      endpointNames: names('endpoint'),
      routeNames: names('route'),
      secretNames: names('secret'),
      diagnostics: signal([]),
    };
  }

  #unless<Value>(what: string, cell: ReadonlySignal<Value>): ReadonlySignal<Value> {
    return computed(() => {
      const why = this.broken.value[what];
      if (why !== undefined) throw new Error(why);
      return cell.value;
    });
  }

  put(type: ResourceType, ...resources: Resource[]): void {
    if (type === 'cluster' || type === 'listener') {
      this[type].value = new Map([...this[type].peek(), ...resources.map((each): [string, Resource] => [each.name, each])]);
    } else for (const each of resources) this.#named.cell(type, each.name).value = each;
  }

  drop(type: ResourceType, name: string): void {
    if (type === 'cluster' || type === 'listener') {
      const map = new Map(this[type].peek());
      map.delete(name);
      this[type].value = map;
    } else this.#named.cell(type, name).value = undefined;
  }
}

/** A cluster that a service stands behind: what has no cause is a substitute. */
export const called = (name: string, more = ''): Resource => ({
  ...fakeCluster(name, more),
  causes: [{ object: { group: '', kind: 'Service', namespace: 'a', name }, path: [] }],
});

/** Cells by name, shared by all classes as endpoints are. */
class FakeNamed {
  readonly #cells = new Map<string, Signal<Resource | undefined>>();

  cell(type: Named, name: string): Signal<Resource | undefined> {
    const key = `${type} ${name}`;
    let cell = this.#cells.get(key);
    if (!cell) this.#cells.set(key, (cell = signal<Resource | undefined>(undefined)));
    return cell;
  }

  present(type: Named): string[] {
    const names: string[] = [];
    for (const [key, cell] of this.#cells) if (key.startsWith(`${type} `) && cell.value) names.push(cell.value.name);
    return names.sort();
  }
}

export class FakeCompiler implements Compiler {
  readonly #named = new FakeNamed();
  readonly #classes = new Map<string, FakeClass>();
  /** Which class a node belongs to: its namespace, unless a test moves it. */
  readonly #classOf = new Map<string, Signal<string>>();

  class(id: string): FakeClass {
    let found = this.#classes.get(id);
    if (!found) this.#classes.set(id, (found = new FakeClass(id, this.#named)));
    return found;
  }

  move(nodeId: string, to: string): void {
    const cell = this.#classOf.get(nodeId);
    if (cell) cell.value = to;
  }

  configurationFor(node: ProxyNode): ReadonlySignal<Configuration> {
    let cell = this.#classOf.get(node.id);
    if (!cell) this.#classOf.set(node.id, (cell = signal(node.namespace)));
    const of = cell;
    return computed(() => this.class(of.value).configuration);
  }
}

/** Several changes as one transaction. */
export const together = batch;

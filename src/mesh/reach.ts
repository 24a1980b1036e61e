// The services that a scope reaches: those that its listeners import, and where the rules that come with them lead.

import { familyBy } from '../store/family.ts';
import type { Destination, Route, SourceMatch } from './route.ts';
import type { RouteIndex } from './route-index.ts';
import { callerText, importsService, onlyPort, type Caller, type Egress } from './scope.ts';
import { byServiceAge, portNumbered, type Service } from './service.ts';
import { comesBefore, type ServiceIndex } from './service-index.ts';
import { isWildcard } from './hostname.ts';
import { isVisible } from './visibility.ts';

/** A service as far as it is reached. */
export interface Reached {
  readonly service: Service;
  /** The ports, or undefined for all. */
  readonly ports: ReadonlySet<number> | undefined;
}

/** A caller that looks through one listener of its scope. */
type ListenerCaller = Caller & { readonly egress: Egress };

export class Reach {
  readonly #services: ServiceIndex;
  readonly #routes: RouteIndex;

  constructor(services: ServiceIndex, routes: RouteIndex) {
    this.#services = services;
    this.#routes = routes;
  }

  readonly #imported = familyBy<ListenerCaller, readonly Service[]>(callerText, ({ namespace, egress }, previous) => {
    const hosts = new Map<string, Service>();
    for (const service of this.#candidates(egress)) {
      if (!isVisible(service.visibility, namespace) || !importsService(egress, service)) continue;
      const best = hosts.get(service.host);
      if (best === undefined || comesBefore(service, best, namespace)) hosts.set(service.host, service);
    }
    return settleList(previous, [...hosts.values()].sort(byServiceAge));
  });

  /** What a listener imports: one service per host, oldest first. */
  imported(caller: ListenerCaller): readonly Service[] {
    return this.#imported(caller).value;
  }

  /** No more of the mesh is read than its imports name, so that nothing else wakes whoever has the scope. */
  *#candidates({ imports }: Egress): Generator<Service> {
    if (imports.some(({ namespace, host }) => namespace === '*' && isWildcard(host))) {
      yield* this.#services.all();
      return;
    }
    const seen = new Set<Service>();
    for (const { namespace, host } of imports) {
      for (const service of isWildcard(host) ? this.#services.in(namespace) : this.#services.at(host)) {
        if (seen.has(service)) continue;
        seen.add(service);
        yield service;
      }
    }
  }

  readonly #reached = familyBy<Caller, ReadonlyMap<string, Reached>>(callerText, (caller) => {
    const reached = new Map<string, Reached>();
    const add = (service: Service, ports: ReadonlySet<number> | undefined) => {
      const known = reached.get(service.host);
      if (known === undefined) reached.set(service.host, { service, ports });
      else if (known.service === service && known.ports !== undefined)
        reached.set(service.host, { service, ports: ports && known.ports.union(ports) });
    };
    for (const egress of caller.scope?.egress ?? []) {
      const only = onlyPort(egress);
      const here = { ...caller, egress };
      for (const service of this.imported(here)) add(service, only === undefined ? undefined : new Set([only]));
      // What a listener imports by name counts over what rules only lead to.
      for (const [host, asked] of destinationsFor(this.#routes.sidecarRules(here), caller.namespace)) {
        const service = this.#services.seen(host, caller.namespace);
        const ports = service && portsAt(service, only === undefined ? asked : new Set([only]));
        if (service !== undefined && ports !== 'none') add(service, ports);
      }
    }
    return reached;
  });

  /** Everything that callers with a scope reach, by host. */
  reached(caller: Caller): ReadonlyMap<string, Reached> {
    return this.#reached({ ...caller, egress: undefined }).value;
  }
}

/** Where rules lead, and at which ports; undefined: a destination says none, and all of its ports are meant. */
function destinationsFor(routes: readonly Route[], namespace: string): ReadonlyMap<string, ReadonlySet<number> | undefined> {
  const found = new Map<string, ReadonlySet<number> | undefined>();
  const add = ({ host, port }: Destination) => {
    const known = found.get(host);
    if (found.has(host) && known === undefined) return;
    found.set(host, port === undefined ? undefined : new Set([...(known ?? []), port]));
  };
  for (const route of routes) {
    for (const { matches, action, mirrors } of route.http) {
      if (!mayBeFrom(matches, namespace)) continue;
      if (action.kind === 'forward') for (const { destination } of action.destinations) add(destination);
      for (const { destination } of mirrors) add(destination);
    }
    for (const { matches, destinations } of [...route.tls, ...route.tcp]) {
      if (mayBeFrom(matches, namespace)) for (const { destination } of destinations) add(destination);
    }
  }
  return found;
}

const mayBeFrom = (matches: readonly SourceMatch[], namespace: string): boolean =>
  matches.length === 0 || matches.some(({ sourceNamespace = namespace }) => sourceNamespace === namespace);

/** Those of the asked ports that a service has; `none`: it is not reached. */
function portsAt(service: Service, asked: ReadonlySet<number> | undefined): ReadonlySet<number> | undefined | 'none' {
  if (asked === undefined) return undefined;
  const has = [...asked].filter((port) => portNumbered(service, port) !== undefined);
  return has.length === 0 ? 'none' : new Set(has);
}

/** The list from before, if it has the same services. */
const settleList = (before: readonly Service[] | undefined, after: readonly Service[]): readonly Service[] =>
  before?.length === after.length && before.every((service, index) => service === after[index]) ? before : after;

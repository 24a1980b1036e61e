// Which rules a caller follows: Routes found by host for sidecars, and by the gateways they are bound to.

import type { Collection, Index } from '../store/collection.ts';
import { family } from '../store/family.ts';
import { bySpecificity, coversHost, isWildcard } from './hostname.ts';
import type { Route } from './route.ts';
import { isVisible } from './visibility.ts';

/** A host of sidecar rules, and the oldest rules that name it. */
export interface NamedHost {
  readonly host: string;
  readonly route: Route;
}

/** Rules by who follows them. `isRegistered` says whether a namespace sees a service with a host. */
export class RouteIndex {
  readonly #byGateway: Index<Route>;
  readonly #byHost: Index<Route>;
  readonly #isRegistered: (host: string, from: string) => boolean;

  constructor(routes: Collection<Route>, isRegistered: (host: string, from: string) => boolean) {
    this.#isRegistered = isRegistered;
    this.#byGateway = routes.index((route) => new Set(route.gateways));
    this.#byHost = routes.index((route) =>
      route.gateways.includes('mesh') ? new Set(route.hosts.map((host) => (isWildcard(host) ? '*' : host))) : [],
    );
  }

  readonly #routeFor = family((id): Route | undefined => {
    const slash = id.indexOf('/');
    const [from, host] = [id.slice(0, slash), id.slice(slash + 1)];
    const seen = (route: Route) => isVisible(route.visibility, from);
    const exact = this.#byHost.get(host).find(seen);
    if (exact !== undefined) return exact;
    let best: { route: Route; host: string } | undefined;
    for (const route of this.#byHost.get('*')) {
      if (!seen(route)) continue;
      for (const pattern of route.hosts) {
        if (!isWildcard(pattern) || !coversHost(pattern, host)) continue;
        if (best === undefined || bySpecificity(pattern, best.host) < 0) best = { route, host: pattern };
      }
    }
    return best?.route;
  });

  /** The rules that a namespace's sidecars follow for a host: an exact host before wildcards, the oldest object first. */
  routeFor(host: string, from: string): Route | undefined {
    return this.#routeFor(`${from}/${host}`).value;
  }

  readonly #unregistered = family((from): readonly NamedHost[] => {
    const found = new Map<string, NamedHost>();
    for (const route of this.#byGateway.get('mesh')) {
      if (!isVisible(route.visibility, from)) continue;
      for (const host of route.hosts) {
        if (!found.has(host) && !this.#isRegistered(host, from)) found.set(host, { host, route });
      }
    }
    return [...found.values()];
  });

  /** Hosts of sidecar rules that no visible service has. */
  unregisteredHosts(from: string): readonly NamedHost[] {
    return this.#unregistered(from).value;
  }

  /** Rules bound to a gateway (`ns/name`) that a namespace may see, oldest first. */
  gatewayRoutes(gateway: string, from: string): readonly Route[] {
    return this.#byGateway.get(gateway).filter((route) => isVisible(route.visibility, from));
  }
}

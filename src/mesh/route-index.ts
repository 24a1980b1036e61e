// Which rules a caller follows: Routes found by host for sidecars, and by the gateways they are bound to.

import type { MeshConfig } from '../api/mesh-config.ts';
import type { ApiObject } from '../api/object.ts';
import type { VirtualService } from '../api/virtual-service.ts';
import type { Collection, Index } from '../store/collection.ts';
import { familyBy } from '../store/family.ts';
import type { StoreReader } from '../store/reader.ts';
import { byAge } from '../store/store.ts';
import { delegatesOf, withDelegates } from './delegation.ts';
import { bySpecificity, coversHost, hostsOverlap, isWildcard } from './hostname.ts';
import type { Route, WrittenRoute } from './route.ts';
import { admitsRoute, callerText, type Caller } from './scope.ts';
import { virtualServiceRoute } from './virtual-service.ts';
import { isVisible } from './visibility.ts';

/** Rules as the store's objects write them, delegates' in their place; it follows every change. */
export const writtenRoutes = (store: StoreReader, config: MeshConfig, domain: string): Collection<Route> =>
  store
    .kind('networking.istio.io', 'VirtualService')
    .derive<WrittenRoute>(byRouteAge, (object, key) => {
      const defaults = { domain, exportTo: config.defaultVirtualServiceExportTo };
      return [[key, virtualServiceRoute(object as unknown as ApiObject<VirtualService>, defaults)]];
    })
    .deriveJoined(byRouteAge, delegatesOf, withDelegates);

/** Rules by who follows them. */
export class RouteIndex {
  readonly #byGateway: Index<Route>;
  readonly #byHost: Index<Route>;

  constructor(routes: Collection<Route>) {
    this.#byGateway = routes.index((route) => new Set(route.gateways));
    this.#byHost = routes.index((route) =>
      route.gateways.includes('mesh') ? new Set(route.hosts.map((host) => (isWildcard(host) ? '*' : host))) : [],
    );
  }

  readonly #httpRules = familyBy<Asked, readonly Route[]>(askedText, ({ from, host }, previous) => {
    const exact = inTurn(this.#byHost.get(host), from);
    if (exact.length > 0) return settled(previous, exact);
    let best: { route: Route; host: string } | undefined;
    for (const route of inTurn(this.#byHost.get('*'), from)) {
      for (const pattern of route.hosts) {
        if (!isWildcard(pattern) || !coversHost(pattern, host)) continue;
        if (best === undefined || bySpecificity(pattern, best.host) < 0) best = { route, host: pattern };
      }
    }
    return settled(previous, best === undefined ? [] : [best.route]);
  });

  /**
   * The objects whose HTTP rules a caller's sidecars may follow for a host; the first that has a rule for the caller counts.
   * Objects that name the host come before wildcards, of which only the most specific is asked.
   */
  httpRules(host: string, from: Caller): readonly Route[] {
    return this.#httpRules({ from, host }).value;
  }

  readonly #connectionRules = familyBy<Asked, readonly Route[]>(askedText, ({ from, host }, previous) => {
    // Rules for a host inside a wildcard service are for that service; there is no index for those.
    const named = isWildcard(host)
      ? this.#byGateway.get('mesh')
      : [...this.#byHost.get(host), ...this.#byHost.get('*')].toSorted(byRouteAge);
    const found = named.filter(
      (route) => route.tls.length + route.tcp.length > 0 && route.hosts.some((pattern) => hostsOverlap(pattern, host)),
    );
    return settled(previous, inTurn([...new Set(found)], from));
  });

  /** All objects with TCP or TLS rules for a host: each of their rules stands in the listener. */
  connectionRules(host: string, from: Caller): readonly Route[] {
    return this.#connectionRules({ from, host }).value;
  }

  readonly #sidecarRules = familyBy<Caller, readonly Route[]>(callerText, (from, previous) => {
    return settled(previous, inTurn(this.#byGateway.get('mesh'), from));
  });

  /** Every object whose rules a caller's sidecars follow. */
  sidecarRules(from: Caller): readonly Route[] {
    return this.#sidecarRules(from).value;
  }

  /** Rules bound to a gateway (`ns/name`) that a namespace may see. */
  gatewayRoutes(gateway: string, from: string): readonly Route[] {
    return inTurn(this.#byGateway.get(gateway), { namespace: from, scope: undefined, egress: undefined });
  }
}

/** The list of before, where it holds the same: nobody is woken. */
const settled = (previous: readonly Route[] | undefined, next: readonly Route[]): readonly Route[] =>
  previous?.length === next.length && previous.every((route, index) => route === next[index]) ? previous : next;

interface Asked {
  readonly from: Caller;
  readonly host: string;
}

const askedText = ({ from, host }: Asked): string => `${callerText(from)}/${host}`;

const byRouteAge = (a: WrittenRoute, b: WrittenRoute): number => byAge(a.object as ApiObject, b.object as ApiObject);

/** What a caller sees in the order in which it counts: its own objects that are not for all, those exported to it, those for all; oldest first. */
function inTurn(routes: readonly Route[], caller: Caller): readonly Route[] {
  const from = caller.namespace;
  const seen = routes.filter((route) => isVisible(route.visibility, from) && admitsRoute(caller, route));
  if (seen.every(({ visibility }) => visibility.everyone)) return seen;
  const turn = ({ visibility, namespace }: Route): number => {
    if (visibility.everyone) return 2;
    return namespace === from ? 0 : 1;
  };
  return seen.toSorted((a, b) => turn(a) - turn(b));
}

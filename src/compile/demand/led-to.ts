// Whether a rule sends a view's callers to a cluster that no service has: by host and by port, for a host at a port that no rule
// means is one that nobody has registered, whatever rules lead to its other ports.

import { coversHost, isWildcard } from '../../mesh/hostname.ts';
import type { Destination, Route } from '../../mesh/route.ts';
import { familyBy } from '../../store/family.ts';
import { appliesTo } from '../route/http-rules.ts';
import { portOfStrangers } from '../route/host-entries.ts';
import { audienceAt } from '../route/host-entry.ts';
import { destinationPort, destinationService, viewText, type View } from '../view.ts';

interface Place {
  readonly host: string;
  readonly port: number;
}

/** Whether rules lead to a host's port, but for those that mean a subset of it. */
export function isLedTo(view: View, place: Place): boolean {
  const service = destinationService(view, place.host);
  const aliases = service === undefined ? [] : view.mesh.aliases(view).map(({ host }) => host);
  const written = [place.host, ...aliases.filter((host) => destinationService(view, host) === service)];
  return written.some((host) =>
    (rulesLeading(view).value.get(host) ?? []).some((route) =>
      [...portsOf(view, route)].some((asked) => leads(asked, host, route)),
    ),
  );

  function leads(asked: number, host: string, { http, tls, tcp }: Route): boolean {
    const audience = audienceAt(view, asked);
    const isMeant = (destination: Destination, port: number) =>
      destination.host === host && destination.subset === '' && port === place.port;
    // A table knows only the services of its own port; connections know all.
    const ofRequests = ({ destination }: { readonly destination: Destination }) =>
      isMeant(destination, destination.port ?? asked);
    const ofConnections = ({ destination }: { readonly destination: Destination }) =>
      isMeant(destination, destinationPort(destination, service, asked));
    return (
      http.some(
        ({ matches, action, mirrors }) =>
          (matches.length === 0 || matches.some((match) => appliesTo(match, audience))) &&
          (mirrors.some(ofRequests) || (action.kind === 'forward' && action.destinations.some(ofRequests))),
      ) || [...tls, ...tcp].some(({ destinations }) => destinations.some(ofConnections))
    );
  }
}

/** The ports at which an object's rules may stand: those of the services that it is for, and where hosts are that no service has. */
function portsOf(view: View, { hosts }: Route): ReadonlySet<number> {
  const ports = new Set([portOfStrangers]);
  for (const host of hosts) {
    const services = isWildcard(host)
      ? view.mesh.visibleServices(view).filter((service) => coversHost(host, service.host))
      : [view.mesh.serviceSeen(host, view)];
    for (const service of services) for (const { number } of service?.ports ?? []) ports.add(number);
  }
  return ports;
}

/** The objects with rules that send a view's callers to a host, by host as it is written. */
const rulesLeading = familyBy(viewText, (view: View, previous: ReadonlyMap<string, readonly Route[]> | undefined) => {
  const found = new Map<string, Route[]>();
  for (const route of view.mesh.sidecarRules(view)) {
    for (const host of hostsLedTo(route)) {
      const list = found.get(host);
      if (list === undefined) found.set(host, [route]);
      else list.push(route);
    }
  }
  const same = ([host, routes]: readonly [string, readonly Route[]]) => {
    const before = previous?.get(host);
    return before?.length === routes.length && routes.every((route, index) => route === before[index]);
  };
  return previous?.size === found.size && [...found].every(same) ? previous : found;
});

function hostsLedTo({ http, tls, tcp }: Route): ReadonlySet<string> {
  const hosts = new Set<string>();
  for (const { action, mirrors } of http) {
    if (action.kind === 'forward') for (const { destination } of action.destinations) hosts.add(destination.host);
    for (const { destination } of mirrors) hosts.add(destination.host);
  }
  for (const rule of [...tls, ...tcp]) for (const { destination } of rule.destinations) hosts.add(destination.host);
  return hosts;
}

// Who is in a sidecar's route table: every service at a port with the rules that count for it, and the hosts that only rules name.

import type { MeshConfig } from '../../api/mesh-config.ts';
import { coversHost, isWildcard } from '../../mesh/hostname.ts';
import { labelsText, type Labels } from '../../mesh/labels.ts';
import { isHttpOrAuto } from '../../mesh/protocol.ts';
import type { Destination, Route } from '../../mesh/route.ts';
import { portNumbered, type Service } from '../../mesh/service.ts';
import { isPlainHttp } from '../demand/plain.ts';
import { identityOf } from '../identity.ts';
import type { Delivery } from '../configuration.ts';
import { addressesFor, destinationService, type View } from '../view.ts';
import type { ResolvedDestination } from './action.ts';
import { destinationText, resolveDestination } from './destination.ts';
import type { Named } from './domains.ts';
import { hasRuleFor } from './http-rules.ts';

/** A virtual host less the caller's short names for it. */
export interface HostEntry extends Named {
  readonly name: string;
  readonly service: Service | undefined;
  readonly port: number;
  /** The object whose rules count; undefined where none has a rule for these callers. */
  readonly route: Route | undefined;
  /** Whom the rules are for: only what they look at. */
  readonly audience: { readonly namespace: string; readonly labels: Labels };
  readonly resolved: ReadonlyMap<string, ResolvedDestination>;
  readonly config: MeshConfig;
  /** Equal texts, equal routes. */
  readonly text: string;
}

/** The port where Istio puts rules for hosts that are no services. */
export const portOfStrangers = 80;

/**
 * The hosts of the table of a port: those with rules first, which keep a domain that others claim too. On demand services that
 * need no entry of their own have none.
 */
export function hostEntries(view: View, port: number, delivery: Delivery): readonly HostEntry[] {
  const here = view.mesh.visibleServices(view).filter((service) => portNumbered(service, port) !== undefined);
  const services = serviceEntries(view, port, here, delivery);
  return [
    ...services.filter(({ route }) => route !== undefined),
    ...strangers(view, port, here),
    ...services.filter(({ route }) => route === undefined),
  ];
}

const speaksHttp = (service: Service, port: number): boolean => isHttpOrAuto(portNumbered(service, port)?.protocol ?? 'TCP');

const audienceAt = ({ namespace, labels }: View, port: number) => ({ namespace, labels, gateways: ['mesh'], port });

function serviceEntries(view: View, port: number, here: readonly Service[], delivery: Delivery): HostEntry[] {
  const rules = (host: string) => view.mesh.httpRules(host, view).find((route) => hasRuleFor(route, audienceAt(view, port)));
  const plain = new Map<string, string[]>();
  const entries: HostEntry[] = [];
  // An alias is one more name of its service, unless it has rules of its own.
  for (const alias of view.mesh.aliases(view)) {
    const route = here.includes(alias) && speaksHttp(alias, port) ? rules(alias.host) : undefined;
    if (route !== undefined) entries.push(serviceEntry(view, alias, port, [alias.host], route));
    else {
      const host = destinationService(view, alias.host)?.host;
      if (host !== undefined) plain.set(host, [...(plain.get(host) ?? []), alias.host]);
    }
  }
  for (const service of here) {
    if (service.resolution === 'alias' || !speaksHttp(service, port)) continue;
    const route = rules(service.host);
    const others = plain.get(service.host) ?? [];
    const found = portNumbered(service, port);
    const computed = delivery === 'demand' && route === undefined && others.length === 0;
    if (computed && found !== undefined && isPlainHttp(view, service, found)) continue;
    entries.push(serviceEntry(view, service, port, [service.host, ...others], route));
  }
  return entries;
}

function serviceEntry(view: View, service: Service, port: number, hosts: readonly string[], route: Route | undefined): HostEntry {
  return entryOf(
    view,
    {
      name: `${service.host}:${port}`,
      hosts,
      addresses: addressesFor(view, service).filter((address) => !address.includes('/')),
      registered: true,
      headless: service.registry === 'Kubernetes' && service.resolution === 'original',
      service,
      port,
      route,
    },
    [{ host: service.host, subset: '', port }, ...(route === undefined ? [] : destinationsOf(route))],
  );
}

/**
 * Hosts that rules name and no service at the port has. They are there beside the services of the same object, and at port 80 if
 * the object has none.
 */
function strangers(view: View, port: number, here: readonly Service[]): HostEntry[] {
  const found = new Map<string, HostEntry>();
  const registered = new Map(here.map((service) => [service.host, service]));
  const covered = (host: string): readonly Service[] => {
    if (isWildcard(host)) return here.filter((service) => coversHost(host, service.host));
    const service = registered.get(host);
    return service === undefined ? [] : [service];
  };
  for (const route of view.mesh.sidecarRules(view)) {
    if (!hasRuleFor(route, audienceAt(view, port))) continue;
    if (port !== portOfStrangers && !route.hosts.some((host) => covered(host).some((service) => speaksHttp(service, port)))) {
      continue;
    }
    for (const host of route.hosts) {
      if (found.has(host) || covered(host).length > 0) continue;
      const named = { hosts: [host], addresses: [], registered: false, headless: false };
      found.set(
        host,
        entryOf(view, { ...named, name: `${host}:${port}`, service: undefined, port, route }, destinationsOf(route)),
      );
    }
  }
  return [...found.values()];
}

function entryOf(
  view: View,
  host: Omit<HostEntry, 'audience' | 'resolved' | 'config' | 'text'>,
  destinations: readonly Destination[],
): HostEntry {
  const { namespace, labels } = host.route !== undefined && looksAtCallers(host.route) ? view : { namespace: '', labels: {} };
  const resolved = new Map<string, ResolvedDestination>();
  const texts = [
    [
      identityOf(view.mesh),
      identityOf(view.config),
      identityOf(host.service),
      identityOf(host.route),
      host.name,
      namespace,
      labelsText(labels),
    ].join(' '),
  ];
  for (const destination of destinations) {
    const key = destinationKey(destination);
    if (resolved.has(key)) continue;
    const to = resolveDestination(view, destination, host.port);
    resolved.set(key, to);
    texts.push(`${key}=${destinationText(to)}`);
  }
  return { ...host, audience: { namespace, labels }, resolved, config: view.config, text: texts.join('\n') };
}

export const destinationKey = ({ host, subset, port }: Destination): string => `${host}|${subset}|${port ?? ''}`;

const looksAtCallers = ({ http }: Route): boolean =>
  http.some(({ matches }) =>
    matches.some((match) => match.sourceNamespace !== undefined || Object.keys(match.sourceLabels).length > 0),
  );

/** Every destination that a rule of the object names. */
function destinationsOf({ http }: Route): Destination[] {
  return http.flatMap((rule) => [
    ...(rule.action.kind === 'forward' ? rule.action.destinations.map(({ destination }) => destination) : []),
    ...rule.mirrors.map(({ destination }) => destination),
  ]);
}

// What a caller sees: selection for one namespace and set of labels. Everything outbound is compiled for a view and shared by
// all proxy classes that have it.

import type { MeshConfig } from '../api/mesh-config.ts';
import type { TrafficPolicy } from '../api/shared/traffic-policy.ts';
import { effectivePolicy, policyForCaller, type DestinationPolicy, type Subset } from '../mesh/destination-policy.ts';
import { labelsText, type Labels } from '../mesh/labels.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { callerText, type Caller, type Egress, type Scope } from '../mesh/scope.ts';
import { serviceIn, type Service } from '../mesh/service.ts';
import { undeclaredText, type Undeclared } from '../mesh/undeclared.ts';
import type { Destination } from '../mesh/route.ts';
import type { CallerPlace } from './endpoint.ts';
import { identityOf } from './identity.ts';
import { blackHoleCluster, outboundCluster, passthroughCluster } from './names.ts';
import type { AddressFamilies } from './node.ts';
import type { FileReader } from './tls.ts';

export interface View extends Caller {
  readonly mesh: Mesh;
  /** The mesh's configuration as the callers' proxies have it. */
  readonly config: MeshConfig;
  readonly role: 'sidecar' | 'router';
  /** The namespace to look from (`Mesh.outlook`). */
  readonly namespace: string;
  /** What a Sidecar leaves of the mesh; undefined: all that is exported to the namespace. */
  readonly scope: Scope | undefined;
  /** The part of the scope that is compiled: one of its listeners, or all of it. */
  readonly egress: Egress | undefined;
  /** Where connections go that nobody declared. */
  readonly undeclared: Undeclared;
  /** Only those that some rule or policy selects callers by. */
  readonly labels: Labels;
  readonly locality: CallerPlace;
  readonly network: string;
  readonly clusterId: string;
  /** The networks whose endpoints the callers want; none: those of every network. */
  readonly networkView: readonly string[];
  /** The IP versions that the callers have. */
  readonly families: AddressFamilies;
  readonly http10: boolean;
  /** Their agents take access records. */
  readonly records: boolean;
  readonly files: FileReader;
  /** Nothing is redirected: listeners are opened at the loopback address, and applications dial them. */
  readonly dialled: boolean;
  /** The port at which applications find an HTTP proxy; 0: none. */
  readonly httpProxy: number;
  /** Its processes may not open ports below 1024, where that matters. */
  readonly unprivileged: boolean;
  /**
   * They could have clusters when they call them: also what is given at once is in that form, and listeners call for what is not there, so
   * that a change of delivery changes neither. Connections that are there go on, and lead to clusters that go with such a change.
   */
  readonly canWait: boolean;
  /** The mesh resolves their names: an external host without an address has one of its own. */
  readonly capturesNames: boolean;
}

/**
 * A view never changes, and its text is part of the name of everything that is made for it: a short one for each long one, because
 * names are looked up for every cluster that a proxy calls.
 */
function once(text: (view: View) => string): (view: View) => string {
  const known = new WeakMap<View, string>();
  const short = new WeakMap<Mesh, Map<string, string>>();
  return (view) => {
    let found = known.get(view);
    if (found === undefined) known.set(view, (found = shortened(short, view.mesh, text(view))));
    return found;
  };
}

function shortened(known: WeakMap<Mesh, Map<string, string>>, mesh: Mesh, text: string): string {
  let ofMesh = known.get(mesh);
  if (ofMesh === undefined) known.set(mesh, (ofMesh = new Map()));
  let short = ofMesh.get(text);
  if (short === undefined) ofMesh.set(text, (short = `${identityOf(mesh)}.${ofMesh.size}`));
  return short;
}

/** Equal texts see the same; callers in different places see the same services, though not in the same order. */
export const viewText: (view: View) => string = once((view) =>
  [
    identityOf(view.mesh),
    identityOf(view.config),
    view.role,
    callerText(view),
    undeclaredText(view.undeclared),
    labelsText(view.labels),
    view.network,
    view.clusterId,
    view.networkView.join(),
    familiesText(view.families),
    view.http10,
    view.records,
    view.files,
    view.canWait,
    view.dialled,
    view.unprivileged,
    view.httpProxy,
    view.capturesNames,
  ].join('\n'),
);

export const familiesText = ({ v4, v6 }: AddressFamilies): string => `${v4 ? '4' : ''}${v6 ? '6' : ''}`;

/** The same, with the place. */
export const placedViewText: (view: View) => string = once((view) =>
  [viewText(view), view.locality.region, view.locality.zone, view.locality.subZone, labelsText(view.locality.labels)].join('\n'),
);

/** The policy for a service as this view's callers get it. */
export function policyFor(view: View, host: string, home: string): DestinationPolicy | undefined {
  return policyForCaller(view.mesh.destinationPolicies(host, home, view.namespace), view);
}

/** The service a destination means to this view, its aliases followed. */
export function destinationService(view: Caller & Pick<View, 'mesh'>, host: string): Service | undefined {
  let service = view.mesh.serviceSeen(host, view);
  // An alias of an alias ends somewhere; a ring of them does not.
  for (let hops = 0; service?.resolution === 'alias' && hops < 8; hops++) {
    service = service.aliasOf === undefined ? undefined : view.mesh.serviceSeen(service.aliasOf, view);
  }
  return service;
}

/** The port that a destination without one means where all services are known: the service's only one, else the one asked for. */
export function destinationPort(destination: Destination, service: Service | undefined, asked: number): number {
  if (destination.port !== undefined) return destination.port;
  const [only, ...others] = service?.ports ?? [];
  return only !== undefined && others.length === 0 ? only.number : asked;
}

/** The traffic policy that holds for a destination. */
export function destinationSettings(view: View, service: Service, port: number, subset: string): TrafficPolicy {
  const policy = policyFor(view, service.host, service.namespace);
  return settingsFor(
    view.mesh,
    policy,
    port,
    policy?.subsets.find(({ name }) => name === subset),
  );
}

/** What a policy says for a port, over what the mesh says for all. */
export const settingsFor = (
  mesh: Mesh,
  policy: DestinationPolicy | undefined,
  port: number,
  subset: Subset | undefined,
): TrafficPolicy => ({
  ...mesh.config.defaultTrafficPolicy,
  ...effectivePolicy(policy, port, subset),
});

/** The virtual addresses at which a view's callers reach a service; the first names its listeners. */
export function addressesFor({ mesh, families, clusterId, capturesNames }: View, service: Service): readonly string[] {
  const { registry, addresses: given } = serviceIn(service, clusterId) ?? service;
  const automatic = capturesNames ? mesh.automaticAddresses(service) : [];
  const addresses = automatic.length > 0 ? automatic : given;
  // Each address of a ServiceEntry is given for itself; of a Kubernetes Service there is one for each IP version.
  if (registry === 'External' && automatic.length === 0)
    return addresses.map((address) => address.replace(/(?<=\.\d+)\/32$|(?<=:.*)\/128$/, ''));
  const fit = addresses.filter((address) => (address.includes(':') ? families.v6 : families.v4));
  return fit.length > 0 ? fit : addresses;
}

/** The cluster that connections go to which nobody declared. */
export function undeclaredCluster(view: View): string {
  const { allowed, proxy } = view.undeclared;
  if (!allowed) return blackHoleCluster;
  if (proxy === undefined) return passthroughCluster;
  const service = destinationService(view, proxy.host);
  return outboundCluster(destinationPort(proxy, service, 0), proxy.subset, service?.host ?? proxy.host);
}

/** A view as its listeners look at it, in the order in which they count. */
export const throughListeners = (view: View): readonly View[] =>
  view.scope === undefined ? [view] : view.scope.egress.map((egress) => ({ ...view, egress }));

// What compile offers to the rooms on its right: the live configuration of a proxy class, cell by cell.

import type { ReadonlySignal } from '@preact/signals-core';
import type { Diagnostic } from '../api/diagnostic.ts';
import type { Resource } from './resource.ts';

/** `eager`: everything that a proxy can see is there before it asks; `demand`: what it calls comes when it is first called. */
export type Delivery = 'eager' | 'demand';

/**
 * The configuration of one proxy class. Proxies of a class share the object and its cells; a cell's value keeps its identity
 * (and so wakes nobody) as long as its bytes stay the same. Cells work without an observer too: reading computes.
 */
export interface Configuration {
  /** What the class depends on, as text: equal ids, equal configuration. */
  readonly id: string;
  /** Whether the proxies said that they can take what they need when they need it, and may. */
  readonly delivery?: Delivery;
  /** All listeners, by name. */
  readonly listeners: ReadonlySignal<ReadonlyMap<string, Resource>>;
  /** All clusters, by name. */
  readonly clusters: ReadonlySignal<ReadonlyMap<string, Resource>>;
  /** The endpoints of an EDS cluster; undefined while no such cluster is known. The same name gives the same cell. */
  endpoints(name: string): ReadonlySignal<Resource | undefined>;
  /** Configurations with one scope have the same endpoints under the same names; without one, nothing is known of that. */
  readonly endpointScope?: object;
  /** On demand: the cluster of a service, by name, or what stands in its place; there is one under every name. */
  called?(name: string): ReadonlySignal<Resource>;
  /** A route table that a listener refers to; undefined while no listener does. */
  route(name: string): ReadonlySignal<Resource | undefined>;
  /** A secret that a gateway's listener names (`kubernetes://NAME`); workload identities come from the node agent. */
  secret(name: string): ReadonlySignal<Resource | undefined>;
  /** Names of the EDS clusters and route tables in use now, sorted: what a proxy would ask for. */
  readonly endpointNames: ReadonlySignal<readonly string[]>;
  readonly routeNames: ReadonlySignal<readonly string[]>;
  readonly secretNames: ReadonlySignal<readonly string[]>;
  /** What is wrong with the objects this class sees. */
  readonly diagnostics: ReadonlySignal<readonly Diagnostic[]>;
}

/** Who asks: what an Envoy says of itself in its node, parsed (compile.md, "The proxy"). */
export interface ProxyNode {
  readonly type: 'sidecar' | 'router' | 'waypoint';
  readonly id: string;
  /** `pod.namespace` as the node id says. */
  readonly name: string;
  readonly namespace: string;
  readonly addresses: readonly string[];
  readonly dnsDomain: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string };
}

export interface Compiler {
  /** The configuration for a proxy; the cell changes when its class does (a pod's labels became known, a Sidecar selects it). */
  configurationFor(node: ProxyNode): ReadonlySignal<Configuration>;
}

// What a proxy remembers of names that it looks up as they are called (resolution DYNAMIC_DNS). Filters that look up and clusters that
// connect must name the same memory with the same settings, or Envoy refuses one of them.

import { Cluster_DnsLookupFamily } from '../../gen/envoy/config/cluster/v3/cluster_pb.js';
import type { MeshConfig } from '../api/mesh-config.ts';
import { duration } from '../filters/duration.ts';
import type { NameCache } from '../filters/dynamic-names.ts';
import { milliseconds } from '../lib/duration.ts';
import type { AddressFamilies } from './node.ts';
import { familiesText, type View } from './view.ts';

/** Names come from requests: more of them than this are refused until others are forgotten. */
const mostNames = 1024;

/** The memory's name says its settings, so that old and new ones stand beside each other while a change arrives. */
export function nameCache({ dnsRefreshRate }: MeshConfig, families: AddressFamilies): NameCache {
  const refresh = milliseconds(dnsRefreshRate);
  return {
    name: `dynamic_dns_v${familiesText(families)}_${refresh}ms`,
    dnsLookupFamily: lookupFamily(families),
    dnsRefreshRate: duration(refresh),
    maxHosts: mostNames,
  };
}

/** The memory of a view that sees such a service, or whose undeclared hosts are looked up. */
export const nameCacheOf = (view: View): NameCache | undefined =>
  view.undeclared.lookedUp || view.mesh.visibleServices(view).some(({ resolution }) => resolution === 'dynamic')
    ? nameCache(view.mesh.config, view.families)
    : undefined;

/** The IP versions that names are looked up in. */
export function lookupFamily({ v4, v6 }: AddressFamilies): Cluster_DnsLookupFamily {
  if (v4 && v6) return Cluster_DnsLookupFamily.ALL;
  return v6 ? Cluster_DnsLookupFamily.V6_ONLY : Cluster_DnsLookupFamily.V4_ONLY;
}

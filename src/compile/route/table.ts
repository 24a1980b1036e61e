// Route tables put together from encoded virtual hosts: bytes are joined, never encoded again.

import { create, toBinary } from '@bufbuild/protobuf';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.js';
import type { Init } from '../../filters/any.ts';
import { versionOf, type Resource } from '../resource.ts';
import type { VirtualHostPiece } from './virtual-host.ts';

/** Tag of RouteConfiguration.virtual_hosts: field 2, length-delimited. */
const virtualHostsTag = 0x12;

/** A table whose hosts come last; duplicates of a domain must be gone already. */
export function routeTable(
  name: string,
  settings: Omit<Init<typeof RouteConfigurationSchema>, 'name' | 'virtualHosts'>,
  hosts: readonly VirtualHostPiece[],
): Resource {
  const head = toBinary(RouteConfigurationSchema, create(RouteConfigurationSchema, { name, ...settings }));
  const parts: Uint8Array[] = [head];
  for (const { bytes } of hosts) parts.push(prefix(bytes.length), bytes);
  const version = versionOf(Buffer.from(`${versionOf(head)}${hosts.map((host) => host.version).join('')}`));
  return { name, version, bytes: Buffer.concat(parts), causes: hosts.flatMap(({ causes }) => causes) };
}

/** The virtual-host tag and a varint length. */
function prefix(length: number): Uint8Array {
  const bytes = [virtualHostsTag];
  let rest = length;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** Takes away, from later hosts, domains that an earlier one has; a host left without any is dropped. Names what was lost. */
export function withoutDuplicates<Host extends { readonly domains: readonly string[] }>(
  hosts: readonly Host[],
  keep: (host: Host, domains: readonly string[]) => Host,
): Host[] {
  const taken = new Set<string>();
  return hosts.flatMap((host) => {
    const domains = host.domains.filter((domain) => !taken.has(domain));
    for (const domain of domains) taken.add(domain);
    if (domains.length === 0) return [];
    return [domains.length === host.domains.length ? host : keep(host, domains)];
  });
}

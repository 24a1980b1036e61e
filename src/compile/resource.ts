// An Envoy resource as it travels: encoded once, versioned by its bytes, shared by every proxy that gets the same.

import { createHash } from 'node:crypto';
import type { ObjectRef, Path } from '../api/object.ts';

/**
 * The resource types that proxies use: five of ADS, of which route tables come whole or as heads, and on streams of their own clusters
 * that are called for by name and the virtual hosts of tables that came as heads.
 */
export const typeUrl = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoint: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  called: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  head: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  host: 'type.googleapis.com/envoy.config.route.v3.VirtualHost',
} as const;

export type ResourceType = keyof typeof typeUrl;

/** An object and the field of it that caused a resource, or a part of one. */
export interface Cause {
  readonly object: ObjectRef;
  readonly path: Path;
}

export interface Resource {
  readonly name: string;
  /** A hash of `bytes`: equal bytes have equal versions, everywhere and after every restart. */
  readonly version: string;
  /** The encoded message, without its Any. Never changed: it is shared. */
  readonly bytes: Uint8Array;
  /** The same bytes in pieces that other resources share, where joining them would cost what sharing saves. */
  readonly parts?: readonly Uint8Array[];
  readonly causes: readonly Cause[];
}

/** A resource's bytes as they are sent: in its shared pieces, or whole. */
export const partsOf = (resource: Resource): readonly Uint8Array[] => resource.parts ?? [resource.bytes];

export const sizeOf = (resource: Resource): number => partsOf(resource).reduce((sum, { length }) => sum + length, 0);

/** How many messages have been encoded: what a change costs, for metrics and benchmarks. Never read by the compiler. */
export const encodings = { count: 0 };

/** The version of some bytes: 96 bits of SHA-256 in base64url. Each encoded message is given one, once. */
export function versionOf(bytes: Uint8Array): string {
  encodings.count += 1;
  return createHash('sha256').update(bytes).digest('base64url').slice(0, 16);
}

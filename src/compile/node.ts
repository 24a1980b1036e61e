// What a proxy says of itself: Envoy's node as protobuf-JSON → ProxyNode (compile.md, "The proxy").

import type { ProxyNode } from './configuration.ts';

const types = ['sidecar', 'router', 'waypoint'] as const;

/** The node, or one sentence that says what is wrong with it. */
export function parseNode(json: unknown): ProxyNode | string {
  if (!isRecord(json)) return 'the node is not a JSON object';
  const { id } = json;
  if (typeof id !== 'string') return 'the node has no id; expected TYPE~IP~NAME~DNSDOMAIN';
  const [type, address, name, dnsDomain, ...more] = id.split('~');
  const known = types.find((word) => word === type);
  if (known === undefined || address === undefined || name === undefined || dnsDomain === undefined || more.length > 0) {
    return `node id '${id}' is not TYPE~IP~NAME~DNSDOMAIN with TYPE sidecar, router or waypoint`;
  }
  const metadata = isRecord(json['metadata']) ? json['metadata'] : {};
  const addresses = [address, ...text(metadata['INSTANCE_IPS']).split(',')]
    .map((word) => word.trim())
    .filter((word) => word !== '');
  const place = isRecord(json['locality']) ? json['locality'] : {};
  return {
    type: known,
    id,
    name,
    namespace: text(metadata['NAMESPACE']) || (name.includes('.') ? name.slice(name.lastIndexOf('.') + 1) : 'default'),
    addresses: [...new Set(addresses)],
    dnsDomain,
    labels: { ...labelsOf(metadata['LABELS']), ...labelsOf(metadata['STATIC_LABELS']) },
    metadata,
    locality: { region: text(place['region']), zone: text(place['zone']), subZone: text(place['subZone'] ?? place['sub_zone']) },
  };
}

/** The IP versions of a proxy's addresses, of which there is always one. */
export interface AddressFamilies {
  readonly v4: boolean;
  readonly v6: boolean;
}

export function addressFamilies(addresses: readonly string[]): AddressFamilies {
  const v6 = addresses.some((address) => address.includes(':'));
  return { v6, v4: !v6 || addresses.some((address) => !address.includes(':')) };
}

/** Container ports by name, as agents say them: a JSON list of `{name, containerPort}`, or that list itself. */
export function podPorts(value: unknown): Record<string, number> {
  const list = typeof value === 'string' ? parsed(value) : value;
  if (!Array.isArray(list)) return {};
  return Object.fromEntries(
    list.flatMap((port: unknown) =>
      isRecord(port) && typeof port['name'] === 'string' && typeof port['containerPort'] === 'number'
        ? [[port['name'], port['containerPort']]]
        : [],
    ),
  );
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

/** A flag in metadata: Istio's agents write strings, others booleans. */
export const isSet = (value: unknown): boolean =>
  value === true || (typeof value === 'string' && ['true', '1', 'on', 'enabled'].includes(value.toLowerCase()));

export const labelsOf = (value: unknown): Record<string, string> =>
  isRecord(value)
    ? Object.fromEntries(Object.entries(value).flatMap(([key, label]) => (typeof label === 'string' ? [[key, label]] : [])))
    : {};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const text = (value: unknown): string => (typeof value === 'string' ? value : '');

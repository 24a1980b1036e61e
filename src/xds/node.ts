// Who a stream's proxy says it is: an encoded Node becomes the ProxyNode that compile knows.

import { fromBinary, toJson } from '@bufbuild/protobuf';
import { NodeSchema } from '../../gen/envoy/config/core/v3/base_pb.js';
import type { ProxyNode } from '../compile/configuration.ts';
import { WireError, WireReader } from './wire.ts';

/** The node without what no configuration depends on, above this many bytes, is refused. */
const largestNode = 256 << 10;

/** Fields of Node that are worth decoding: id, cluster, metadata, locality. An Envoy's list of its 516 extensions is not. */
const wanted = new Set([1, 2, 3, 4]);

/** The node, or what is wrong with it in words for the proxy's log. */
export function parseNode(bytes: Uint8Array): ProxyNode | { readonly problem: string } {
  let node: ReturnType<typeof decodeNode>;
  try {
    const kept = trimNode(bytes);
    if (kept.length > largestNode) return { problem: `the node has ${kept.length} bytes; at most ${largestNode} are accepted` };
    node = decodeNode(kept);
  } catch {
    return { problem: 'the node is not a valid envoy.config.core.v3.Node' };
  }
  return proxyNode(node);
}

interface NodeJson {
  readonly id?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly locality?: { readonly region?: string; readonly zone?: string; readonly subZone?: string };
}

const decodeNode = (bytes: Uint8Array): NodeJson => toJson(NodeSchema, fromBinary(NodeSchema, bytes)) as NodeJson;

function trimNode(bytes: Uint8Array): Buffer {
  const reader = new WireReader(bytes);
  const parts: Uint8Array[] = [];
  while (!reader.done) {
    const from = reader.position;
    const tag = reader.varint();
    reader.skip(tag);
    if (wanted.has(tag >>> 3)) parts.push(bytes.subarray(from, reader.position));
  }
  if (parts.length === 0 && bytes.length > 0) throw new WireError('no field of a Node');
  return Buffer.concat(parts);
}

const proxyTypes: readonly string[] = ['sidecar', 'router', 'waypoint'] satisfies ProxyNode['type'][];

function proxyNode({ id = '', metadata = {}, locality = {} }: NodeJson): ProxyNode | { readonly problem: string } {
  const parts = id.split('~');
  const [type = '', address = '', name = '', dnsDomain = ''] = parts;
  if (parts.length !== 4 || !proxyTypes.includes(type) || address === '' || name === '') {
    const shape = 'it must be TYPE~IP~NAME~DNSDOMAIN with TYPE sidecar, router or waypoint';
    return { problem: `node id ${JSON.stringify(id.slice(0, 200))} is not understood: ${shape}` };
  }
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  const listed = text(metadata.INSTANCE_IPS)
    .split(',')
    .map((each) => each.trim());
  return {
    type: type as ProxyNode['type'],
    id,
    name,
    namespace: text(metadata.NAMESPACE) || (name.split('.')[1] ?? '') || (dnsDomain.split('.')[0] ?? ''),
    addresses: [...new Set([address, ...listed])].filter((each) => each !== ''),
    dnsDomain,
    labels: strings(metadata.LABELS),
    metadata,
    locality: { region: locality.region ?? '', zone: locality.zone ?? '', subZone: locality.subZone ?? '' },
  };
}

function strings(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

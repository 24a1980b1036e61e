// Who a stream's proxy says it is: an encoded Node becomes the JSON that compile/node.ts reads, less what nobody needs.

import { fromBinary, toJson } from '@bufbuild/protobuf';
import { NodeSchema } from '../../gen/envoy/config/core/v3/base_pb.js';
import type { ProxyNode } from '../compile/configuration.ts';
import { parseNode as parseNodeJson } from '../compile/node.ts';
import { WireError, WireReader } from './wire.ts';

/** The node without what no configuration depends on, above this many bytes, is refused. */
const largestNode = 256 << 10;

/** Fields of Node that are worth decoding: id, cluster, metadata, locality. An Envoy's list of its 516 extensions is not. */
const wanted = new Set([1, 2, 3, 4]);

/** The node, or what is wrong with it in words for the proxy's log. */
export function parseNode(bytes: Uint8Array): ProxyNode | { readonly problem: string } {
  let json: unknown;
  try {
    const kept = trimNode(bytes);
    if (kept.length > largestNode) return { problem: `the node has ${kept.length} bytes; at most ${largestNode} are accepted` };
    json = toJson(NodeSchema, fromBinary(NodeSchema, kept));
  } catch {
    return { problem: 'the node is not a valid envoy.config.core.v3.Node' };
  }
  const node = parseNodeJson(json);
  return typeof node === 'string' ? { problem: node.slice(0, longestProblem) } : node;
}

/** The id that is no good stands in the words; it may be as long as a node. */
const longestProblem = 500;

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

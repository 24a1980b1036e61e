// Who a stream's proxy says it is: an encoded Node becomes the JSON that compile/node.ts reads, less what nobody needs.

import { createHash } from 'node:crypto';
import type { ProxyNode } from '../compile/configuration.ts';
import { parseNode } from '../compile/node.ts';
import { readStruct } from './struct.ts';
import { WireError, WireReader } from './wire.ts';

/** The node without what no configuration depends on, above this many bytes, is refused. */
const largestNode = 256 << 10;

/** Fields of Node that are worth decoding: id, metadata, locality. An Envoy's list of its 516 extensions is not. */
const fields = { id: 0x0a, metadata: 0x1a, locality: 0x22 };
const wanted: readonly number[] = Object.values(fields);

interface Problem {
  readonly problem: string;
}

const notANode: Problem = { problem: 'the node is not a valid envoy.config.core.v3.Node' };

function acceptable(bytes: Uint8Array): Buffer | Problem {
  try {
    const kept = trimNode(bytes);
    if (kept.length <= largestNode) return kept;
    return { problem: `the node has ${kept.length} bytes; at most ${largestNode} are accepted` };
  } catch {
    return notANode;
  }
}

function parsed(bytes: Buffer): ProxyNode | Problem {
  let json: unknown;
  try {
    json = readNode(bytes);
  } catch {
    return notANode;
  }
  const node = parseNode(json);
  return typeof node === 'string' ? { problem: node.slice(0, longestProblem) } : node;
}

interface Known {
  readonly node: ProxyNode;
  readonly digest: string;
  streams: number;
}

/** The nodes of open streams: the streams of one proxy say the same of it, which is read once and is one object. */
export class Nodes {
  readonly #byDigest = new Map<string, Known>();
  readonly #byNode = new Map<ProxyNode, Known>();

  /** The node, for a stream that lets go of it when it closes; or what is wrong with it in words for the proxy's log. */
  take(bytes: Uint8Array): ProxyNode | Problem {
    const kept = acceptable(bytes);
    if ('problem' in kept) return kept;
    const digest = createHash('sha256').update(kept).digest('base64');
    let known = this.#byDigest.get(digest);
    if (known === undefined) {
      const node = parsed(kept);
      if ('problem' in node) return node;
      known = { node, digest, streams: 0 };
      this.#byDigest.set(digest, known);
      this.#byNode.set(node, known);
    }
    known.streams += 1;
    return known.node;
  }

  release(node: ProxyNode): void {
    const known = this.#byNode.get(node);
    if (known === undefined) return;
    known.streams -= 1;
    if (known.streams > 0) return;
    this.#byNode.delete(node);
    this.#byDigest.delete(known.digest);
  }
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
    if (wanted.includes(tag)) parts.push(bytes.subarray(from, reader.position));
  }
  if (parts.length === 0 && bytes.length > 0) throw new WireError('no field of a Node');
  return Buffer.concat(parts);
}

function readNode(bytes: Buffer): object {
  const node: Record<string, unknown> = {};
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === fields.id) node['id'] = reader.text();
    else if (tag === fields.metadata) node['metadata'] = readStruct(reader.bytes());
    else if (tag === fields.locality) node['locality'] = readLocality(reader.bytes());
    else reader.skip(tag);
  }
  return node;
}

function readLocality(bytes: Buffer): object {
  const reader = new WireReader(bytes);
  const place = { region: '', zone: '', subZone: '' };
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 0x0a) place.region = reader.text();
    else if (tag === 0x12) place.zone = reader.text();
    else if (tag === 0x1a) place.subZone = reader.text();
    else reader.skip(tag);
  }
  return place;
}

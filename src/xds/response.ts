// Discovery responses onto the wire as lists of buffers: a small head of their own, then bytes that all streams share.

import { sizeOf, typeUrl, type Resource, type ResourceType } from '../compile/resource.ts';
import { fieldSize, varintSize, WireWriter } from './wire.ts';

/** The two forms of ADS: one response entry per resource, in either. */
export type Protocol = 'delta' | 'sotw';

const typeUrlSizes = Object.fromEntries(Object.entries(typeUrl).map(([type, url]) => [type, Buffer.byteLength(url)]));
const typeUrlSize = (type: ResourceType): number => typeUrlSizes[type] ?? 0;

/**
 * Everything of a resource's entry in a response up to its own bytes, which follow as they are: field 2 of the response, then
 * for delta a Resource (name, version, Any), for SotW a bare Any. Fields stand in the order that puts `value` last.
 */
export function entryHead(protocol: Protocol, type: ResourceType, resource: Resource): Buffer {
  const length = sizeOf(resource);
  const valueHead = 1 + varintSize(length);
  const anySize = fieldSize(typeUrlSize(type)) + valueHead + length;
  if (protocol === 'sotw') {
    const writer = new WireWriter(fieldSize(anySize) - length);
    return writer.head(2, anySize).text(1, typeUrl[type], typeUrlSize(type)).head(2, length).buffer;
  }
  const nameSize = Buffer.byteLength(resource.name);
  const versionSize = Buffer.byteLength(resource.version);
  const size = fieldSize(nameSize) + fieldSize(versionSize) + fieldSize(anySize);
  return new WireWriter(fieldSize(size) - length)
    .head(2, size)
    .text(3, resource.name, nameSize)
    .text(1, resource.version, versionSize)
    .head(2, anySize)
    .text(1, typeUrl[type], typeUrlSize(type))
    .head(2, length).buffer;
}

/** The fields of a DeltaDiscoveryResponse besides its resources. */
export function deltaHead(type: ResourceType, nonce: string, removed: readonly string[]): Buffer {
  const sizes = removed.map((name) => Buffer.byteLength(name));
  const size = sizes.reduce((sum, length) => sum + fieldSize(length), fieldSize(typeUrlSize(type)) + fieldSize(nonce.length));
  const writer = new WireWriter(size).text(4, typeUrl[type], typeUrlSize(type)).text(5, nonce, nonce.length);
  for (const [index, name] of removed.entries()) writer.text(6, name, sizes[index] ?? 0);
  return writer.buffer;
}

/** The fields of a DiscoveryResponse besides its resources. */
export function sotwHead(type: ResourceType, nonce: string, version: string): Buffer {
  const size = fieldSize(version.length) + fieldSize(typeUrlSize(type)) + fieldSize(nonce.length);
  return new WireWriter(size)
    .text(1, version, version.length)
    .text(4, typeUrl[type], typeUrlSize(type))
    .text(5, nonce, nonce.length).buffer;
}

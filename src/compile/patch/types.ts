// The types that patches may name: every message of Envoy's API that was generated, its code loaded when it is first named.

import { createRequire } from 'node:module';
import { createRegistry, type DescMessage, type Registry } from '@bufbuild/protobuf';
import {
  AnySchema,
  BoolValueSchema,
  DurationSchema,
  EmptySchema,
  ListValueSchema,
  StringValueSchema,
  StructSchema,
  TimestampSchema,
  UInt32ValueSchema,
  UInt64ValueSchema,
  ValueSchema,
} from '@bufbuild/protobuf/wkt';

const load = createRequire(import.meta.url);

/** Generated for others, or gone from the stock binary: a resource with one of these would be refused. */
const absent = new Set(['envoy.extensions.filters.http.gzip.v3.Gzip']);

const wellKnown = createRegistry(
  AnySchema,
  BoolValueSchema,
  DurationSchema,
  EmptySchema,
  ListValueSchema,
  StringValueSchema,
  StructSchema,
  TimestampSchema,
  UInt32ValueSchema,
  UInt64ValueSchema,
  ValueSchema,
);

let index: Readonly<Record<string, readonly [file: string, name: string]>> | undefined;

/** The type of a message by its full name; undefined for what stock Envoy does not know. */
export function messageType(name: string): DescMessage | undefined {
  const known = wellKnown.getMessage(name);
  if (known !== undefined) return known;
  if (!/^(envoy|udpa|xds)\./.test(name) || absent.has(name)) return undefined;
  index ??= load('../../../gen/types.json') as typeof index;
  const [file, schema] = (index !== undefined && Object.hasOwn(index, name) && index[name]) || [];
  if (file === undefined || schema === undefined) return undefined;
  return (load(`../../../gen/${file}`) as Readonly<Record<string, DescMessage>>)[schema];
}

/** `type.googleapis.com/NAME` → NAME. */
export const typeName = (url: string): string => url.slice(url.lastIndexOf('/') + 1);

/** What reads and writes Any fields as JSON. */
export const types: Registry = {
  kind: 'registry',
  get: messageType,
  getMessage: messageType,
  getEnum: () => undefined,
  getService: () => undefined,
  getExtension: () => undefined,
  getExtensionFor: () => undefined,
  [Symbol.iterator]: () => wellKnown[Symbol.iterator](),
};

// The entries of ConfigMaps and Secrets, as text for variables and as bytes for volumes.

import type { ApiObject } from '../api/object.ts';
import type { Objects } from './objects.ts';

interface DataBody {
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
}

/** Undefined where there is no such object in the namespace. */
export function entriesOf(
  objects: Objects,
  kind: 'ConfigMap' | 'Secret',
  namespace: string,
  name: string,
): ReadonlyMap<string, Uint8Array> | undefined {
  const object = objects.get({ group: '', kind, namespace, name });
  return object && (kind === 'ConfigMap' ? configMapEntries(object) : secretEntries(object));
}

function configMapEntries(object: ApiObject): ReadonlyMap<string, Uint8Array> {
  const { data = {}, binaryData = {} } = object.body as DataBody;
  return new Map([...texts(data), ...base64(binaryData)]);
}

function secretEntries(object: ApiObject): ReadonlyMap<string, Uint8Array> {
  const { data = {}, stringData = {} } = object.body as DataBody;
  return new Map([...base64(data), ...texts(stringData)]);
}

const texts = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).map(([key, text]) => [key, Buffer.from(text)] as const);

const base64 = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const);

export const asText = (entries: ReadonlyMap<string, Uint8Array> | undefined): Readonly<Record<string, string>> | undefined =>
  entries && Object.fromEntries([...entries].map(([key, bytes]) => [key, Buffer.from(bytes).toString()]));

// The message types that stand inside Any fields, found by their names and loaded one by one: what JSON output needs to know.

import { readdirSync } from 'node:fs';
import { createRegistry, type DescFile, type Registry } from '@bufbuild/protobuf';

const generated = new URL('../../gen/', import.meta.url);
const typeNames = /type\.googleapis\.com\/((?:[a-z][\w]*\.)+[A-Z]\w*)/g;

/** Every type named in some encoded messages or JSON texts. A type URL is plain text in both, however deep it is nested. */
export function typesNamed(texts: Iterable<Uint8Array | string>): Set<string> {
  const found = new Set<string>();
  for (const text of texts) {
    const latin = typeof text === 'string' ? text : Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('latin1');
    for (const [, name = ''] of latin.matchAll(typeNames)) found.add(name);
  }
  return found;
}

/** A registry of the generated files of these types' packages. Loading the few that are named is ten times faster than all. */
export async function registryFor(names: Iterable<string>): Promise<Registry> {
  const folders = new Set([...names].map((name) => `${name.split('.').slice(0, -1).join('/')}/`));
  const files = new Map<string, DescFile>();
  const { file_google_protobuf_any, file_google_protobuf_struct, file_google_protobuf_wrappers, file_google_protobuf_duration } =
    await import('@bufbuild/protobuf/wkt');
  for (const file of [
    file_google_protobuf_any,
    file_google_protobuf_struct,
    file_google_protobuf_wrappers,
    file_google_protobuf_duration,
  ]) {
    files.set(file.name, file);
  }
  for (const folder of folders) {
    for (const file of await filesIn(folder)) files.set(file.name, file);
  }
  return createRegistry(...files.values());
}

async function filesIn(folder: string): Promise<DescFile[]> {
  const modules = modulesIn(folder).map(
    (name) => import(new URL(folder + name, generated).href) as Promise<Readonly<Record<string, unknown>>>,
  );
  return (await Promise.all(modules)).flatMap((module) => Object.values(module).filter(isFile));
}

/** A type that is not among the generated ones has no folder; the encoder names it in its error. */
function modulesIn(folder: string): string[] {
  try {
    return readdirSync(new URL(folder, generated)).filter((name) => name.endsWith('_pb.js'));
  } catch {
    return [];
  }
}

const isFile = (value: unknown): value is DescFile =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'file';

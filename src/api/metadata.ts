// The metadata of any document: defaults filled in, names and labels checked. A step of decode.

import { error } from './finding.ts';
import { isRecord } from './fit.ts';
import type { Finding, KindDefinition } from './kind.ts';
import { isDnsLabel, isDnsName, isLabelKey, isLabelValue } from './names.ts';
import type { ObjectMeta, Path } from './object.ts';

type Given = Readonly<Record<string, unknown>>;

/** Metadata as rooms downstream read it, and everything wrong with it; what is wrong is left out, so the rest can be read. */
export function metadataOf(
  given: unknown,
  definition: KindDefinition,
): { readonly metadata: ObjectMeta; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  if (given !== undefined && given !== null && !isRecord(given)) {
    findings.push(error('LAT1001', ['metadata'], 'must be an object', 'write metadata with a name'));
  }
  const meta = isRecord(given) ? given : {};
  const name = nameOf(meta, definition, findings);
  const namespace = definition.scope === 'cluster' ? '' : namespaceOf(meta, findings);
  const labels = strings(meta, 'labels', findings);
  for (const [key, value] of Object.entries(labels)) checkLabel(key, value, findings);
  const annotations = strings(meta, 'annotations', findings);
  for (const key of Object.keys(annotations)) {
    if (!isLabelKey(key.toLowerCase())) findings.push(badKey(['metadata', 'annotations', key], key));
  }
  return { metadata: { name, namespace, labels, annotations, ...written(meta) }, findings };
}

function nameOf(meta: Given, { kind, group }: KindDefinition, findings: Finding[]): string {
  const { name, generateName } = meta;
  if (name === undefined || name === null || name === '') {
    const help =
      typeof generateName === 'string' ? 'generateName needs an API server; write metadata.name' : 'write metadata.name';
    findings.push(error('LAT1006', ['metadata', 'name'], `the ${kind} has no name`, help));
    return '';
  }
  if (typeof name !== 'string') {
    findings.push(error('LAT1006', ['metadata', 'name'], 'the name must be text', 'put it in quotes'));
    return '';
  }
  const valid = group === '' && (kind === 'Service' || kind === 'Namespace') ? isDnsLabel(name) : isDnsName(name);
  if (!valid) {
    const help = 'use lower-case letters, digits and -, starting and ending with a letter or digit';
    findings.push(error('LAT1006', ['metadata', 'name'], `${JSON.stringify(name.slice(0, 80))} is not a valid name`, help));
  }
  return name;
}

function namespaceOf({ namespace }: Given, findings: Finding[]): string {
  if (namespace === undefined || namespace === null || namespace === '') return 'default';
  if (typeof namespace === 'string' && isDnsLabel(namespace)) return namespace;
  const help = 'use a name of lower-case letters, digits and -, 63 at most';
  findings.push(error('LAT1006', ['metadata', 'namespace'], 'the namespace is not a valid name', help));
  return typeof namespace === 'string' ? namespace : 'default';
}

function strings(meta: Given, field: 'labels' | 'annotations', findings: Finding[]): Record<string, string> {
  const given = meta[field];
  const result: Record<string, string> = {};
  if (given === undefined || given === null) return result;
  if (!isRecord(given)) {
    findings.push(error('LAT1007', ['metadata', field], `${field} must be an object of texts`, `write ${field} as key: value`));
    return result;
  }
  for (const [key, value] of Object.entries(given)) {
    if (typeof value === 'string') result[key] = value;
    else if (value !== null) {
      const message = `the value of ${JSON.stringify(key)} must be text, is ${JSON.stringify(value)?.slice(0, 40)}`;
      findings.push(error('LAT1007', ['metadata', field, key], message, 'put it in quotes'));
    }
  }
  return result;
}

function checkLabel(key: string, value: string, findings: Finding[]): void {
  const path: Path = ['metadata', 'labels', key];
  if (!isLabelKey(key)) findings.push(badKey(path, key));
  else if (!isLabelValue(value)) {
    const help = 'use at most 63 letters, digits, -, _ and .';
    findings.push(error('LAT1007', path, `${JSON.stringify(value.slice(0, 80))} is not a valid label value`, help));
  }
}

const badKey = (path: Path, key: string): Finding =>
  error(
    'LAT1007',
    path,
    `${JSON.stringify(key.slice(0, 80))} is not a valid key`,
    'write name or dns.prefix/name, the name 63 characters at most',
  );

/** What an API server wrote: taken as it is where the type is right, since nobody types it. */
function written({ creationTimestamp, generation, resourceVersion, uid }: Given): Partial<ObjectMeta> {
  return {
    ...(typeof creationTimestamp === 'string' && { creationTimestamp }),
    ...(typeof generation === 'number' && { generation }),
    ...(typeof resourceVersion === 'string' && { resourceVersion }),
    ...(typeof uid === 'string' && { uid }),
  };
}

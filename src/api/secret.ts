// Secret: certificates of gateways and variables of pods (Kubernetes). No message here ever shows a value of one.

import type { Static } from 'typebox';
import { error } from './finding.ts';
import { defineKind, type Check } from './kind.ts';
import { bool, map, openMessage, secretText, text } from './schema.ts';

/** `data` is base64; `stringData` is text and wins over it. */
const schema = openMessage({}, { type: text, data: map(secretText), stringData: map(secretText), immutable: bool });
export type Secret = Static<typeof schema>;

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const dataIsBase64: Check<Secret> = ({ data = {} }) =>
  Object.entries(data)
    .filter(([, value]) => !base64.test(value.replaceAll(/\s/g, '')))
    .map(([key]) => error('LAT1010', ['data', key], `${key} is not base64`, 'encode it, or write it under stringData'));

export const secret = defineKind({
  group: '',
  kind: 'Secret',
  versions: ['v1'],
  plural: 'secrets',
  shortNames: [],
  scope: 'namespaced',
  schema,
  checks: [dataIsBase64],
  columns: [
    { name: 'Type', path: ['type'] },
    { name: 'Data', value: ({ body }) => String(Object.keys((body as Secret).data ?? {}).length) },
  ],
  inEffect: true,
});

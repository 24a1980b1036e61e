// What is another in the mesh's own configuration: MeshConfig and MeshNetworks, field by field.

import type { JsonValue } from '@bufbuild/protobuf';
import { changedFields, valueText } from './json-changes.ts';
import type { SettingChange } from './plan.ts';

interface Settings {
  readonly meshConfig: object;
  readonly meshNetworks?: object | undefined;
}

export const settingChanges = (before: Settings, after: Settings): SettingChange[] => [
  ...changes('MeshConfig', before.meshConfig, after.meshConfig),
  ...changes('MeshNetworks', before.meshNetworks ?? {}, after.meshNetworks ?? {}),
];

const changes = (of: SettingChange['of'], before: object, after: object): SettingChange[] =>
  changedFields(json(before), json(after)).map(({ path, before: was, after: is }) => ({
    of,
    path,
    before: was === undefined ? '' : valueText(was),
    after: is === undefined ? '' : valueText(is),
  }));

/** Where providers of traces have their tokens. */
const secret = new Set(['accessToken', 'initialMetadata']);

/** As it would be written: plain data, without what is undefined, and without what is nobody's to read. */
const json = (settings: object): JsonValue =>
  JSON.parse(JSON.stringify(settings, (key, value: unknown) => (secret.has(key) ? '[redacted]' : value))) as JsonValue;

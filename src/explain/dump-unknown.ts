// Fields of a dump that this reader's messages do not have: they are left out, and it is said which.

import type { DescMessage, JsonValue } from '@bufbuild/protobuf';
import { isObject } from './dump-forms.ts';
import { interpreted } from './typed-config.ts';

/** Messages whose JSON is not their fields. */
const ownForm = /^google\.protobuf\.(?!Any$)/;

const fieldsOf = new WeakMap<DescMessage, ReadonlyMap<string, DescMessage['fields'][number]>>();

function fieldNames(desc: DescMessage): ReadonlyMap<string, DescMessage['fields'][number]> {
  let known = fieldsOf.get(desc);
  if (known === undefined) {
    known = new Map(desc.fields.flatMap((each) => [each.name, each.jsonName].map((name) => [name, each] as const)));
    fieldsOf.set(desc, known);
  }
  return known;
}

/** Adds `Listener.a_field_of_tomorrow` for each, however often it is there. */
export function unknownFields(desc: DescMessage, json: JsonValue, found: Set<string>): void {
  if (ownForm.test(desc.typeName) || !isObject(json)) return;
  if (desc.typeName === 'google.protobuf.Any') {
    const type = json['@type'];
    const inner = typeof type === 'string' ? interpreted.getMessage(type.slice(type.lastIndexOf('/') + 1)) : undefined;
    if (inner !== undefined) unknownFields(inner, json, found);
    return;
  }
  const known = fieldNames(desc);
  for (const [key, value] of Object.entries(json)) {
    if (key === '@type') continue;
    const field = known.get(key);
    if (field === undefined) {
      found.add(`${desc.name}.${key}`);
      continue;
    }
    const inner = field.message;
    if (inner === undefined || value === null) continue;
    const values = field.fieldKind === 'map' && isObject(value) ? Object.values(value) : Array.isArray(value) ? value : [value];
    for (const each of values) unknownFields(inner, each, found);
  }
}

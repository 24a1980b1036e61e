// ReferenceGrant: which objects of other namespaces may refer to objects here (Gateway API).

import type { Static } from 'typebox';
import { defineKind } from '../kind.ts';
import { list, message } from '../schema.ts';
import { gatewayApi, groupName, kindName, namespaceName, objectName } from './reference.ts';

const Spec = message(
  {
    from: list(message({ group: groupName, kind: kindName, namespace: namespaceName }, {}), { minItems: 1, maxItems: 16 }),
    to: list(message({ group: groupName, kind: kindName }, { name: objectName }), { minItems: 1, maxItems: 16 }),
  },
  {},
);

const schema = message({ spec: Spec }, {});
export type ReferenceGrant = Static<typeof schema>;

export const referenceGrant = defineKind({
  ...gatewayApi,
  kind: 'ReferenceGrant',
  versions: ['v1', 'v1beta1'],
  plural: 'referencegrants',
  shortNames: ['refgrant'],
  scope: 'namespaced',
  schema,
  checks: [],
  columns: [],
});

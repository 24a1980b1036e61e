// GatewayClass: who carries out the Gateways that name it (Gateway API).

import type { Static } from 'typebox';
import { defineKind } from '../kind.ts';
import { message, pattern, textOf } from '../schema.ts';
import { gatewayApi, groupName, kindName, namespaceName, objectName, Status } from './reference.ts';

const Spec = message(
  {
    controllerName: pattern(
      String.raw`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[A-Za-z0-9\/\-._~%!$&'()*+,;=:]+$`,
      'a controller of the form domain/path',
      { minLength: 1, maxLength: 253 },
    ),
  },
  {
    description: textOf({ maxLength: 64 }),
    parametersRef: message({ group: groupName, kind: kindName, name: objectName }, { namespace: namespaceName }),
  },
);

const schema = message({ spec: Spec }, { status: Status });
export type GatewayClass = Static<typeof schema>;

export const gatewayClass = defineKind({
  ...gatewayApi,
  kind: 'GatewayClass',
  versions: ['v1', 'v1beta1'],
  plural: 'gatewayclasses',
  shortNames: ['gc'],
  scope: 'cluster',
  schema,
  checks: [],
  columns: [{ name: 'Controller', path: ['spec', 'controllerName'] }],
});

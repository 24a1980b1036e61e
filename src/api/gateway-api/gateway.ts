// Gateway of the Gateway API: listeners that routes attach to. Istio's kind of the same name is ../gateway.ts.

import type { Static } from 'typebox';
import { error } from '../finding.ts';
import { defineKind, type Check } from '../kind.ts';
import { isAddress } from '../names.ts';
import { choice, list, map, message, nonEmpty, textOf } from '../schema.ts';
import { each } from '../shared/values.ts';
import { checkListeners, Listener, RouteNamespaces } from './listener.ts';
import {
  gatewayApi,
  LocalObjectReference,
  ObjectReference,
  objectName,
  port,
  SecretObjectReference,
  Status,
} from './reference.ts';

const GatewayAddress = message({}, { type: nonEmpty, value: textOf({ maxLength: 253 }) });

const Infrastructure = message(
  {},
  {
    labels: map(textOf({ maxLength: 63 })),
    annotations: map(textOf({ maxLength: 4096 })),
    parametersRef: LocalObjectReference,
  },
);

const FrontendValidation = message(
  { caCertificateRefs: list(ObjectReference, { minItems: 1, maxItems: 8 }) },
  { mode: choice('AllowValidOnly', 'AllowInsecureFallback') },
);
const FrontendTLS = message({}, { validation: FrontendValidation });

const GatewayTLS = message(
  {},
  {
    backend: message({}, { clientCertificateRef: SecretObjectReference }),
    frontend: message({ default: FrontendTLS }, { perPort: list(message({ port, tls: FrontendTLS }, {}), { maxItems: 64 }) }),
  },
);

const Spec = message(
  { gatewayClassName: objectName, listeners: list(Listener, { minItems: 1, maxItems: 64 }) },
  {
    addresses: list(GatewayAddress, { maxItems: 16 }),
    infrastructure: Infrastructure,
    allowedListeners: message({}, { namespaces: RouteNamespaces }),
    tls: GatewayTLS,
  },
);

const schema = message({ spec: Spec }, { status: Status });
export type GatewayApiGateway = Static<typeof schema>;

const addresses: Check<GatewayApiGateway> = ({ spec }) =>
  each(spec.addresses, ['spec', 'addresses'], ({ type = 'IPAddress', value }, path) =>
    type === 'IPAddress' && value !== undefined && !isAddress(value)
      ? [
          error(
            'LAT1026',
            [...path, 'value'],
            `${JSON.stringify(value)} is not an IP address`,
            'write one, or set type to Hostname',
          ),
        ]
      : [],
  );

export const gatewayApiGateway = defineKind({
  ...gatewayApi,
  kind: 'Gateway',
  versions: ['v1', 'v1beta1'],
  plural: 'gateways',
  shortNames: ['gtw'],
  scope: 'namespaced',
  schema,
  checks: [({ spec }) => checkListeners(spec.listeners, ['spec', 'listeners']), addresses],
  columns: [{ name: 'Class', path: ['spec', 'gatewayClassName'] }],
});

// What is asked of gateways in one form, whoever asks: Gateway objects, and Ingresses.

import type { Gateway, Server } from '../api/gateway.ts';
import type { ApiObject, Path } from '../api/object.ts';
import type { Labels } from './labels.ts';

export interface GatewayDeclaration {
  readonly name: string;
  readonly namespace: string;
  /** The labels of the gateways that are asked. */
  readonly selector: Labels;
  readonly servers: readonly { readonly server: Server; readonly path: Path }[];
  readonly object: ApiObject<unknown>;
}

export function writtenGateway(object: ApiObject<Gateway>): GatewayDeclaration {
  const { selector = {}, servers } = object.body.spec;
  return {
    name: object.metadata.name,
    namespace: object.metadata.namespace,
    selector,
    servers: servers.map((server, index) => ({ server, path: ['spec', 'servers', index] })),
    object,
  };
}

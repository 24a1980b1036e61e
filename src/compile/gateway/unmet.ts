// What a Gateway's servers lack of the Secrets that they name. For its sake control/ keeps an earlier form.

import type { Gateway } from '../../api/gateway.ts';
import type { ApiObject } from '../../api/object.ts';
import { writtenGateway } from '../../mesh/gateway.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import { parseCredential } from '../credential-name.ts';
import type { Unmet } from '../unmet.ts';
import { wantedBy } from './credentials.ts';
import { hasSecret } from './secret.ts';

/** `namespaces`: where the gateways run that the object is for. What one of them finds is there. */
export function unmetSecrets(mesh: Mesh, object: ApiObject<Gateway>, namespaces: readonly string[]): Unmet[] {
  const { id: clusterId } = mesh.primary;
  return writtenGateway(object).servers.flatMap(({ server, path }) =>
    server.tls?.mode === 'PASSTHROUGH' || server.tls?.mode === 'AUTO_PASSTHROUGH'
      ? []
      : wantedBy({ server })
          .filter(({ name }) => !namespaces.some((namespace) => hasSecret({ mesh, clusterId, namespace }, name)))
          .map(({ name, holds }) => {
            const { kind = 'Secret', name: plain = name } = parseCredential(name, '-') ?? {};
            return { path: [...path, 'tls'], what: `${kind} ${plain} with ${holds}` };
          }),
  );
}

// What an object lacks before it can take effect without hurting anybody: where its rules lead, or the Secrets that its servers name. And
// what is said of it.

import type { Gateway } from '../api/gateway.ts';
import type { ApiObject } from '../api/object.ts';
import type { VirtualService } from '../api/virtual-service.ts';
import { unmetSecrets } from '../compile/gateway/unmet.ts';
import { unmetDestinations, type Unmet } from '../compile/unmet.ts';
import { matchesLabels } from '../mesh/labels.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { WrittenRoute } from '../mesh/route.ts';
import { virtualServiceRoute } from '../mesh/virtual-service.ts';
import type { Absent, Store } from '../store/store.ts';

/** Of a VirtualService or a Gateway, with what the store holds now. */
export function lacksOf(store: Store, mesh: Mesh, object: ApiObject): Unmet[] {
  if (object.kind === 'VirtualService') return unmetDestinations(mesh, rulesOf(mesh, object));
  const gateway = object as unknown as ApiObject<Gateway>;
  return unmetSecrets(mesh, gateway, homesOf(store, gateway));
}

/** A VirtualService's rules. */
export function rulesOf(mesh: Mesh, object: ApiObject): WrittenRoute {
  const defaults = { domain: mesh.domain, exportTo: mesh.config.defaultVirtualServiceExportTo };
  return virtualServiceRoute(object as unknown as ApiObject<VirtualService>, defaults);
}

/** The namespaces of the pods that a Gateway is for; those with Secrets, where gateways are no pods. */
function homesOf(store: Store, { body }: ApiObject<Gateway>): string[] {
  const { selector = {} } = body.spec;
  const pods = store
    .kind('', 'Pod')
    .all()
    .filter(({ metadata }) => matchesLabels(selector, metadata.labels));
  const found = pods.length > 0 ? pods : store.kind('', 'Secret').all();
  return [...new Set(found.map(({ metadata }) => metadata.namespace))];
}

/** Said of the object that waits. */
export const waitsFor = (what: string, form: ApiObject | Absent) =>
  ({
    code: 'LAT1901',
    severity: 'warning',
    message: `${what} does not exist: ${form === 'absent' ? 'this object takes effect when it does' : 'the earlier form of this object stays in effect until it does'}`,
    help: 'create it, or take the destination out',
  }) as const;

/** Said of the object for whose sake something stays. */
export const stays = (what: string) =>
  ({
    code: 'LAT1902',
    severity: 'warning',
    message: `${what} is not defined any more: it stays as it was as long as this object leads there`,
    help: 'take what leads there out, or define it again',
  }) as const;

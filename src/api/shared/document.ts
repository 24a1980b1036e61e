// What Istio's kinds have around their fields: `spec`, and a `status` that the control plane writes.

import type { TSchema } from 'typebox';
import { anything, freeForm, list, message, type Message } from '../schema.ts';

export const IstioStatus = message(
  {},
  { conditions: list(freeForm), validationMessages: list(freeForm), observedGeneration: anything },
);

/** A kind's document: its spec (an absent one counts as empty) and a status. */
export const documentOf = <Spec extends TSchema>(Spec: Spec): Message<{ spec: Spec }, { status: typeof IstioStatus }> =>
  message({ spec: Spec }, { status: IstioStatus });

export const istioNetworking = {
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  scope: 'namespaced',
} as const;

export const istioSecurity = { group: 'security.istio.io', versions: ['v1', 'v1beta1'], scope: 'namespaced' } as const;

// Node: a host of pods, whose labels give their locality (Kubernetes). Read by mesh/.

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { bool, freeForm, list, openMessage, text } from './schema.ts';

const Spec = openMessage(
  {},
  { podCIDR: text, podCIDRs: list(text), providerID: text, unschedulable: bool, taints: list(freeForm) },
);
const Status = openMessage(
  {},
  { addresses: list(openMessage({ type: text, address: text }, {})), conditions: list(freeForm), nodeInfo: freeForm },
);

const schema = openMessage({}, { spec: Spec, status: Status });
export type Node = Static<typeof schema>;

export const node = defineKind({
  group: '',
  kind: 'Node',
  versions: ['v1'],
  plural: 'nodes',
  shortNames: ['no'],
  scope: 'cluster',
  schema,
  checks: [],
  columns: [{ name: 'Addresses', path: ['status', 'addresses', 0, 'address'] }],
  inEffect: true,
});

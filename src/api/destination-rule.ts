// DestinationRule: how clients reach a host, and its named subsets (networking.istio.io). Read by mesh/destination-policy.

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { list, message, nonEmpty, text, textMap } from './schema.ts';
import { documentOf, istioNetworking } from './shared/document.ts';
import { LabelSelector } from './shared/selector.ts';
import { TrafficPolicy } from './shared/traffic-policy.ts';

export type { TrafficPolicy } from './shared/traffic-policy.ts';

const Subset = message({ name: nonEmpty }, { labels: textMap, trafficPolicy: TrafficPolicy });
export type Subset = Static<typeof Subset>;

const Spec = message(
  { host: nonEmpty },
  { trafficPolicy: TrafficPolicy, subsets: list(Subset), exportTo: list(text), workloadSelector: LabelSelector },
);

const schema = documentOf(Spec);
export type DestinationRule = Static<typeof schema>;

export const destinationRule = defineKind({
  ...istioNetworking,
  kind: 'DestinationRule',
  plural: 'destinationrules',
  shortNames: ['dr'],
  schema,
  checks: [],
  columns: [{ name: 'Host', path: ['spec', 'host'] }],
  inEffect: true,
});

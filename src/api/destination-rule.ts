// DestinationRule: how clients reach a host, and its named subsets (networking.istio.io). Read by mesh/destination-policy.

import type { Static } from 'typebox';
import { error, warning } from './finding.ts';
import { defineKind, type Check, type Finding } from './kind.ts';
import { isDnsLabel } from './names.ts';
import { list, message, nonEmpty, text, textMap } from './schema.ts';
import { documentOf, istioNetworking } from './shared/document.ts';
import { LabelSelector } from './shared/selector.ts';
import { checkTrafficPolicy } from './shared/traffic-policy-checks.ts';
import { TrafficPolicy } from './shared/traffic-policy.ts';
import { checkExportTo, checkLabels, checkSelector, checkWildcardHost, each, repeated } from './shared/values.ts';

export type { TrafficPolicy } from './shared/traffic-policy.ts';

const Subset = message({ name: nonEmpty }, { labels: textMap, trafficPolicy: TrafficPolicy });
export type Subset = Static<typeof Subset>;

const Spec = message(
  { host: nonEmpty },
  { trafficPolicy: TrafficPolicy, subsets: list(Subset), exportTo: list(text), workloadSelector: LabelSelector },
);

const schema = documentOf(Spec);
export type DestinationRule = Static<typeof schema>;

const subsets: Check<DestinationRule> = ({ spec }) => {
  const path = ['spec', 'subsets'];
  const findings: Finding[] = each(spec.subsets, path, ({ name, labels, trafficPolicy }, place) => [
    ...(isDnsLabel(name.toLowerCase())
      ? []
      : [
          error(
            'LAT1030',
            [...place, 'name'],
            `${JSON.stringify(name)} is not a subset's name`,
            'use letters, digits and -, 63 at most',
          ),
        ]),
    ...checkLabels(labels, [...place, 'labels']),
    ...checkTrafficPolicy(trafficPolicy, [...place, 'trafficPolicy']),
  ]);
  for (const [index, { name }] of repeated(spec.subsets, (subset) => subset.name)) {
    findings.push(
      error('LAT1212', [...path, index, 'name'], `there is a subset ${name} already`, 'give each subset its own name'),
    );
  }
  return findings;
};

/** A rule for some clients only is theirs: it cannot be exported. */
const clients: Check<DestinationRule> = ({ spec }) => {
  const { workloadSelector, exportTo = [], trafficPolicy } = spec;
  const findings = checkSelector(
    workloadSelector?.matchLabels,
    ['spec', 'workloadSelector', 'matchLabels'],
    workloadSelector !== undefined,
  );
  if (workloadSelector !== undefined && exportTo.some((word) => word !== '.')) {
    const message = 'a rule for selected workloads cannot be exported to other namespaces';
    findings.push(error('LAT1213', ['spec', 'exportTo'], message, 'leave exportTo out, or write .'));
  }
  if (workloadSelector === undefined && trafficPolicy?.tls?.credentialName) {
    const message = 'only gateways read credentialName unless workloadSelector names the sidecars';
    const path = ['spec', 'trafficPolicy', 'tls', 'credentialName'];
    findings.push(warning('LAT1214', path, message, 'add workloadSelector if sidecars are meant'));
  }
  return findings;
};

const policy: Check<DestinationRule> = ({ spec }) => [
  ...checkWildcardHost(spec.host, ['spec', 'host']),
  ...checkTrafficPolicy(spec.trafficPolicy, ['spec', 'trafficPolicy']),
  ...checkExportTo(spec.exportTo, ['spec', 'exportTo']),
];

export const destinationRule = defineKind({
  ...istioNetworking,
  kind: 'DestinationRule',
  plural: 'destinationrules',
  shortNames: ['dr'],
  schema,
  checks: [policy, subsets, clients],
  columns: [{ name: 'Host', path: ['spec', 'host'] }],
  inEffect: true,
});

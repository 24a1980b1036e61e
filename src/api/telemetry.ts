// Telemetry: which traces, metrics and access logs workloads give, and to whom (telemetry.istio.io).

import type { Static } from 'typebox';
import { error } from './finding.ts';
import { defineKind, type Check, type Finding } from './kind.ts';
import { bool, choice, duration, list, map, message, nonEmpty, number, text } from './schema.ts';
import { documentOf } from './shared/document.ts';
import { CustomTag } from './shared/proxy-settings.ts';
import { policyTarget } from './shared/selector.ts';
import { checkTarget } from './shared/target.ts';
import { checkDuration, each, repeated } from './shared/values.ts';

const mode = choice('UNDEFINED', 'CLIENT_AND_SERVER', 'CLIENT', 'SERVER');
const providers = list(message({ name: nonEmpty }, {}));

const Tracing = message(
  {},
  {
    match: message({}, { mode }),
    providers,
    randomSamplingPercentage: number(0, 100),
    disableSpanReporting: bool,
    customTags: map(CustomTag),
    useRequestIdForTraceSampling: bool,
    enableIstioTags: bool,
    disableContextPropagation: bool,
  },
);

const MetricSelector = message(
  {},
  {
    metric: choice(
      'ALL_METRICS',
      'REQUEST_COUNT',
      'REQUEST_DURATION',
      'REQUEST_SIZE',
      'RESPONSE_SIZE',
      'TCP_OPENED_CONNECTIONS',
      'TCP_CLOSED_CONNECTIONS',
      'TCP_SENT_BYTES',
      'TCP_RECEIVED_BYTES',
      'GRPC_REQUEST_MESSAGES',
      'GRPC_RESPONSE_MESSAGES',
    ),
    customMetric: nonEmpty,
    mode,
  },
);

const Metrics = message(
  {},
  {
    providers,
    overrides: list(
      message(
        {},
        {
          match: MetricSelector,
          disabled: bool,
          tagOverrides: map(message({}, { operation: choice('UPSERT', 'REMOVE'), value: text })),
        },
      ),
    ),
    reportingInterval: duration,
  },
);

const AccessLogging = message(
  {},
  { match: message({}, { mode }), providers, disabled: bool, filter: message({}, { expression: text }) },
);

const Spec = message({}, { ...policyTarget, tracing: list(Tracing), metrics: list(Metrics), accessLogging: list(AccessLogging) });

const schema = documentOf(Spec);
export type Telemetry = Static<typeof schema>;

const tracing: Check<Telemetry> = ({ spec: { tracing: given = [] } }) => {
  const findings: Finding[] = each(given, ['spec', 'tracing'], ({ customTags = {} }, path) =>
    Object.entries(customTags)
      .filter(([, tag]) => Object.keys(tag).length !== 1)
      .map(([name]) =>
        error(
          'LAT1811',
          [...path, 'customTags', name],
          'the tag has not exactly one source',
          'give one of literal, environment, header, formatter',
        ),
      ),
  );
  if (given.length > 1)
    findings.push(error('LAT1810', ['spec', 'tracing', 1], 'one entry of tracing is all that is possible', 'put them together'));
  return findings;
};

const metrics: Check<Telemetry> = ({ spec }) =>
  each(spec.metrics, ['spec', 'metrics'], ({ overrides, reportingInterval }, path) => [
    ...checkDuration(reportingInterval, [...path, 'reportingInterval']),
    ...each(overrides, [...path, 'overrides'], ({ match, tagOverrides = {} }, place) => [
      ...(match?.metric !== undefined && match.customMetric !== undefined
        ? [error('LAT1811', [...place, 'match'], 'metric and customMetric exclude each other', 'keep one of them')]
        : []),
      ...Object.entries(tagOverrides).flatMap(([tag, { operation = 'UPSERT', value = '' }]) => {
        const at = [...place, 'tagOverrides', tag];
        if (operation === 'UPSERT' && value === '') return [error('LAT1811', at, 'UPSERT needs a value', 'give value')];
        return operation === 'REMOVE' && value !== '' ? [error('LAT1811', at, 'REMOVE takes no value', 'remove value')] : [];
      }),
    ]),
  ]);

const uniqueProviders: Check<Telemetry> = ({ spec }) =>
  (['tracing', 'metrics', 'accessLogging'] as const).flatMap((section) =>
    each<{ readonly providers?: readonly { readonly name: string }[] }>(spec[section], ['spec', section], (entry, path) =>
      repeated(entry.providers, ({ name }) => name).map(([index, { name }]) =>
        error('LAT1811', [...path, 'providers', index], `the provider ${name} stands twice`, 'remove one'),
      ),
    ),
  );

export const telemetry = defineKind({
  group: 'telemetry.istio.io',
  kind: 'Telemetry',
  versions: ['v1', 'v1alpha1'],
  plural: 'telemetries',
  shortNames: [],
  scope: 'namespaced',
  schema,
  checks: [({ spec }) => checkTarget(spec), tracing, metrics, uniqueProviders],
  columns: [],
  inEffect: false,
});

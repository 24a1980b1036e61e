// What Telemetries, WasmPlugins and TrafficExtensions may say and may not.

import { kindTable } from './testing/kind-table.ts';

kindTable('telemetry.istio.io/v1', 'Telemetry', {
  accepted: [
    '{tracing: [{providers: [{name: otel}], randomSamplingPercentage: 10, customTags: {a: {literal: {value: b}}}}]}',
    '{metrics: [{overrides: [{match: {metric: REQUEST_COUNT}, tagOverrides: {a: {value: "b"}, c: {operation: REMOVE}}}]}]}',
    '{accessLogging: [{providers: [{name: envoy}], filter: {expression: "response.code >= 400"}}]}',
  ],
  refused: [
    ['LAT1810 spec.tracing.1', '{tracing: [{}, {}]}'],
    ['LAT1811 spec.metrics.0.overrides.0.tagOverrides.a', '{metrics: [{overrides: [{tagOverrides: {a: {operation: UPSERT}}}]}]}'],
    ['LAT1811 spec.accessLogging.0.providers.1', '{accessLogging: [{providers: [{name: a}, {name: a}]}]}'],
    ['LAT1003 spec.tracing.0.randomSamplingPercentage', '{tracing: [{randomSamplingPercentage: 101}]}'],
  ],
});

kindTable('extensions.istio.io/v1alpha1', 'WasmPlugin', {
  accepted: [
    '{url: "oci://registry.example.com/filter:v1", phase: AUTHN, pluginConfig: {any: [thing]}, vmConfig: {env: [{name: A, value: b}]}}',
  ],
  refused: [
    ['LAT1004 spec.url', '{}'],
    ['LAT1820 spec.url', '{url: "ftp://a"}'],
    ['LAT1003 spec.sha256', '{url: a, sha256: abc}'],
    ['LAT1821 spec.vmConfig.env.0.value', '{url: a, vmConfig: {env: [{name: A, valueFrom: HOST, value: b}]}}'],
  ],
});

kindTable('extensions.istio.io/v1alpha1', 'TrafficExtension', {
  accepted: ['{lua: {inlineCode: "function envoy_on_request(h) end"}, phase: STATS}', '{wasm: {url: a}}'],
  refused: [
    ['LAT1822 spec', '{}'],
    ['LAT1822 spec', '{wasm: {url: a}, lua: {inlineCode: b}}'],
  ],
});

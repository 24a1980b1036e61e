// Which statistics a proxy keeps, and how their names split into labels: a proxy's memory is mostly statistics.

import { create } from '@bufbuild/protobuf';
import { Bootstrap_DeferredStatOptionsSchema } from '../../gen/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { StatsConfigSchema } from '../../gen/envoy/config/metrics/v3/stats_pb.js';
import { RegexMatcherSchema } from '../../gen/envoy/type/matcher/v3/regex_pb.js';
import { type StringMatcher, StringMatcherSchema } from '../../gen/envoy/type/matcher/v3/string_pb.js';

/** What Istio keeps by default: the proxy's own health, its streams to the agent, requests, and policy verdicts. */
const prefixes = ['cluster_manager', 'listener_manager', 'server', 'cluster.xds-grpc', 'wasm', 'reporter=', 'component', 'istio'];
const suffixes = [
  'rbac.allowed',
  'rbac.denied',
  'shadow_allowed',
  'shadow_denied',
  // Read to see when a draining proxy is idle.
  'downstream_cx_active',
];

/** By how names look, besides those above. */
export interface KeptStats {
  readonly prefixes: readonly string[];
  readonly suffixes: readonly string[];
  /** Expressions that match whole names. */
  readonly regexps: readonly string[];
}

/**
 * A cluster's name has dots, and Envoy's own patterns cut it at the first: here it ends where a known part begins. As
 * Envoy wants it, the first group leaves the name, the second is the label's value.
 */
const clusterName =
  '^cluster\\.((.+?)\\.)(?:upstream|membership|lb|circuit_breakers|outlier_detection|health_check|ssl|http1|http2|http3|update|version|assignment|bind_errors|default|external|internal|canary|zone|client_ssl|max_host_weight|original_dst|retry_or_shadow|warming_state|load_report|init_fetch_timeout|tls_inspector)';

const labels = [
  { tagName: 'cluster_name', regex: clusterName },
  {
    tagName: 'listener_address',
    regex: '^listener\\.((.+?)\\.)(?:downstream|ssl|http|worker|server_ssl|no_filter_chain|extension_config)',
  },
  {
    tagName: 'http_conn_manager_prefix',
    regex: '^http\\.((.+?)\\.)(?:downstream|rq_|rbac|rs_|tracing|passthrough|no_route|no_cluster)',
  },
  { tagName: 'tcp_prefix', regex: '^tcp\\.((.+?)\\.)(?:downstream|idle_timeout|max_downstream|upstream|on_demand|early_data)' },
  { tagName: 'response_code', regex: '_rq(_(\\d{3}))$' },
  { tagName: 'response_code_class', regex: '_rq(_(\\dxx))$' },
];

/** The bootstrap's fields about statistics. */
export function proxyStats(more: KeptStats) {
  return {
    statsConfig: create(StatsConfigSchema, {
      useAllDefaultTags: false,
      statsTags: labels.map(({ tagName, regex }) => ({ tagName, tagValue: { case: 'regex' as const, value: regex } })),
      statsMatcher: { statsMatcher: { case: 'inclusionList', value: { patterns: patterns(more) } } },
    }),
    // A cluster's counters come to be with its first request.
    deferredStatOptions: create(Bootstrap_DeferredStatOptionsSchema, { enableDeferredCreationStats: true }),
  };
}

function patterns(more: KeptStats): StringMatcher[] {
  const expressions = ['vhost\\..*\\.route\\..*', ...more.regexps].map((regex) => create(RegexMatcherSchema, { regex }));
  return [
    ...[...prefixes, ...more.prefixes].map((value) => create(StringMatcherSchema, { matchPattern: { case: 'prefix', value } })),
    ...[...suffixes, ...more.suffixes].map((value) => create(StringMatcherSchema, { matchPattern: { case: 'suffix', value } })),
    ...expressions.map((value) => create(StringMatcherSchema, { matchPattern: { case: 'safeRegex', value } })),
  ];
}

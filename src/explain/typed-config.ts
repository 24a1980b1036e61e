// Typed configuration opened again: the message inside an Any, where explain knows its type.

import { createRegistry, fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import {
  AnySchema,
  BoolValueSchema,
  BytesValueSchema,
  DoubleValueSchema,
  DurationSchema,
  Int64ValueSchema,
  StringValueSchema,
  StructSchema,
  UInt32ValueSchema,
  UInt64ValueSchema,
  ValueSchema,
  type Any,
} from '@bufbuild/protobuf/wkt';
import { ClusterConfigSchema as DynamicClusterSchema } from '../../gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.js';
import { ClusterConfigSchema as AggregateClusterSchema } from '../../gen/envoy/extensions/clusters/aggregate/v3/cluster_pb.js';
import { SubstitutionFormatStringSchema } from '../../gen/envoy/config/core/v3/substitution_format_string_pb.js';
import { ActionSchema } from '../../gen/envoy/config/rbac/v3/rbac_pb.js';
import { FilterConfigSchema, RouteListSchema, RouteSchema } from '../../gen/envoy/config/route/v3/route_components_pb.js';
import { CorsPolicySchema, CorsSchema } from '../../gen/envoy/extensions/filters/http/cors/v3/cors_pb.js';
import { ExtAuthzPerRouteSchema, ExtAuthzSchema } from '../../gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js';
import {
  ExternalProcessorSchema,
  ExtProcPerRouteSchema,
} from '../../gen/envoy/extensions/filters/http/ext_proc/v3/ext_proc_pb.js';
import { HTTPFaultSchema } from '../../gen/envoy/extensions/filters/http/fault/v3/fault_pb.js';
import {
  HeaderMutationPerRouteSchema,
  HeaderMutationSchema as HeaderMutationFilterSchema,
} from '../../gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.js';
import {
  JwtAuthenticationSchema,
  PerRouteConfigSchema as JwtPerRouteSchema,
} from '../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js';
import { LocalRateLimitSchema } from '../../gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js';
import { LuaPerRouteSchema } from '../../gen/envoy/extensions/filters/http/lua/v3/lua_pb.js';
import { OnDemandSchema } from '../../gen/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js';
import { RateLimitSchema } from '../../gen/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb.js';
import { RBACPerRouteSchema, RBACSchema as HttpRbacSchema } from '../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { RouterSchema } from '../../gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { ConfigSchema as HttpFilterStateSchema } from '../../gen/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js';
import { WasmSchema } from '../../gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.js';
import { InternalUpstreamTransportSchema } from '../../gen/envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream_pb.js';
import { ConfigSchema as TcpStatsSchema } from '../../gen/envoy/extensions/transport_sockets/tcp_stats/v3/tcp_stats_pb.js';
import { TlsInspectorSchema } from '../../gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import { HttpConnectionManagerSchema } from '../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { RBACSchema as NetworkRbacSchema } from '../../gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import { ConfigSchema as NetworkFilterStateSchema } from '../../gen/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.js';
import { SniClusterSchema } from '../../gen/envoy/extensions/filters/network/sni_cluster/v3/sni_cluster_pb.js';
import { FilterConfigSchema as SniDynamicSchema } from '../../gen/envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy_pb.js';
import { TcpProxySchema } from '../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { HeaderMutationSchema as EarlyHeaderMutationSchema } from '../../gen/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation_pb.js';
import { UriTemplateMatchConfigSchema } from '../../gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js';
import { UriTemplateRewriteConfigSchema } from '../../gen/envoy/extensions/path/rewrite/uri_template/v3/uri_template_rewrite_pb.js';
import { file_envoy_extensions_matching_common_inputs_network_v3_network_inputs } from '../../gen/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.js';
import { file_envoy_extensions_matching_common_inputs_ssl_v3_ssl_inputs } from '../../gen/envoy/extensions/matching/common_inputs/ssl/v3/ssl_inputs_pb.js';
import { IpSchema } from '../../gen/envoy/extensions/matching/input_matchers/ip/v3/ip_pb.js';
import { RuntimeFractionSchema } from '../../gen/envoy/extensions/matching/input_matchers/runtime_fraction/v3/runtime_fraction_pb.js';
import { LuaConfigSchema } from '../../gen/envoy/extensions/router/cluster_specifiers/lua/v3/lua_pb.js';
import { ProxyProtocolUpstreamTransportSchema } from '../../gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js';
import { RawBufferSchema } from '../../gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { HttpProtocolOptionsSchema } from '../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { file_envoy_type_matcher_v3_http_inputs } from '../../gen/envoy/type/matcher/v3/http_inputs_pb.js';
import { TypedStructSchema } from '../../gen/udpa/type/v1/typed_struct_pb.js';
import { ServerNameMatcherSchema } from '../../gen/xds/type/matcher/v3/domain_pb.js';
import { IPMatcherSchema } from '../../gen/xds/type/matcher/v3/ip_pb.js';

/** Every type that explain interprets inside an Any, and what JSON needs to read them. */
export const interpreted = createRegistry(
  AnySchema,
  BoolValueSchema,
  BytesValueSchema,
  DoubleValueSchema,
  DurationSchema,
  Int64ValueSchema,
  StringValueSchema,
  StructSchema,
  UInt32ValueSchema,
  UInt64ValueSchema,
  ValueSchema,
  TypedStructSchema,
  HttpConnectionManagerSchema,
  TcpProxySchema,
  NetworkRbacSchema,
  NetworkFilterStateSchema,
  SniClusterSchema,
  SniDynamicSchema,
  TlsInspectorSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
  RawBufferSchema,
  InternalUpstreamTransportSchema,
  TcpStatsSchema,
  HttpProtocolOptionsSchema,
  ProxyProtocolUpstreamTransportSchema,
  DynamicClusterSchema,
  AggregateClusterSchema,
  LuaConfigSchema,
  FilterConfigSchema,
  CorsSchema,
  CorsPolicySchema,
  ExtAuthzSchema,
  ExtAuthzPerRouteSchema,
  ExternalProcessorSchema,
  ExtProcPerRouteSchema,
  LuaPerRouteSchema,
  WasmSchema,
  HTTPFaultSchema,
  HeaderMutationFilterSchema,
  HeaderMutationPerRouteSchema,
  JwtAuthenticationSchema,
  JwtPerRouteSchema,
  LocalRateLimitSchema,
  OnDemandSchema,
  RateLimitSchema,
  HttpRbacSchema,
  RBACPerRouteSchema,
  RouterSchema,
  HttpFilterStateSchema,
  EarlyHeaderMutationSchema,
  UriTemplateMatchConfigSchema,
  UriTemplateRewriteConfigSchema,
  ActionSchema,
  RouteSchema,
  RouteListSchema,
  SubstitutionFormatStringSchema,
  IPMatcherSchema,
  ServerNameMatcherSchema,
  IpSchema,
  RuntimeFractionSchema,
  file_envoy_extensions_matching_common_inputs_network_v3_network_inputs,
  file_envoy_extensions_matching_common_inputs_ssl_v3_ssl_inputs,
  file_envoy_type_matcher_v3_http_inputs,
);

const opened = new WeakMap<Any, unknown>();

/** The message inside, if it is of this type; undefined for any other, and for bytes that are none. */
export function typedConfig<Desc extends DescMessage>(schema: Desc, config: Any | undefined): MessageShape<Desc> | undefined {
  if (config === undefined || typeOf(config) !== schema.typeName) return undefined;
  const known = opened.get(config) as MessageShape<Desc> | undefined;
  if (known !== undefined) return known;
  try {
    const message = fromBinary(schema, config.value);
    opened.set(config, message);
    return message;
  } catch {
    return undefined;
  }
}

/** `envoy.extensions.filters.http.cors.v3.Cors`; of what this reader does not know, its own name. */
export function typeOf(config: Any): string {
  const name = config.typeUrl.slice(config.typeUrl.lastIndexOf('/') + 1);
  if (name !== TypedStructSchema.typeName && name !== 'xds.type.v3.TypedStruct') return name;
  try {
    const { typeUrl } = fromBinary(TypedStructSchema, config.value);
    return typeUrl.slice(typeUrl.lastIndexOf('/') + 1) || name;
  } catch {
    return name;
  }
}

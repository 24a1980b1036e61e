// Filters that run something of their own (a script, a plugin, another service): it is said what runs, and that nobody here knows what
// it does.

import type { Any } from '@bufbuild/protobuf/wkt';
import {
  ExternalProcessorSchema,
  ExtProcPerRouteSchema,
} from '../../../gen/envoy/extensions/filters/http/ext_proc/v3/ext_proc_pb.js';
import { LuaPerRouteSchema } from '../../../gen/envoy/extensions/filters/http/lua/v3/lua_pb.js';
import { WasmSchema } from '../../../gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.js';
import type { StepOrigin } from '../explanation.ts';
import { stepOrigin } from '../origins.ts';
import { note } from '../passage.ts';
import { typedConfig } from '../typed-config.ts';
import { targetOf } from './asks.ts';
import { unwrapped, type HttpFilter, type HttpFilterCall } from './exchange.ts';

/** What filters do, in words, by the type of their configuration without its beginning. */
const does: Readonly<Record<string, string>> = {
  'lua.v3.Lua': 'runs a Lua script',
  'golang.v3alpha.Config': 'runs a Go plugin',
  'dynamic_modules.v3.DynamicModuleFilter': 'runs a module of its own',
  'composite.v3.Composite': 'runs filters that a tree of matchers chooses',
  'oauth2.v3.OAuth2': 'asks for a session, and sends callers without one to the login',
  'basic_auth.v3.BasicAuth': 'asks for a user and a password',
  'api_key_auth.v3.ApiKeyAuth': 'asks for an API key',
  'csrf.v3.CsrfPolicy': 'refuses what changes things and comes from other sites',
  'health_check.v3.HealthCheck': 'answers health checks itself',
  'grpc_json_transcoder.v3.GrpcJsonTranscoder': 'turns JSON into gRPC',
  'header_to_metadata.v3.Config': 'notes headers for later filters',
  'json_to_metadata.v3.JsonToMetadata': 'notes parts of the body for later filters',
  'stateful_session.v3.StatefulSession': 'keeps a caller with the server that it had before',
  'adaptive_concurrency.v3.AdaptiveConcurrency': 'refuses requests with 503 when servers become slow',
  'admission_control.v3.AdmissionControl': 'refuses a share of requests when many fail',
  'custom_response.v3.CustomResponse': 'replaces answers',
};

const prefix = 'envoy.extensions.filters.http.';

/** Istio's own parts, which were plugins until they were built in: they look on. */
const lookOn = new Set(['istio.metadata_exchange', 'istio.stats', 'istio.access_log', 'istio.stackdriver']);

/** Undefined: a filter of which not even that is known. */
export function unread(type: string): HttpFilter | undefined {
  if (type === `${prefix}wasm.v3.Wasm`) return wasm;
  if (type === `${prefix}ext_proc.v3.ExternalProcessor`) return processor;
  const words = type.startsWith(prefix) ? does[type.slice(prefix.length)] : undefined;
  if (words === undefined) return undefined;
  return (call) => {
    if (typedConfig(LuaPerRouteSchema, unwrapped(call.own))?.override.case === 'disabled') return undefined;
    return runs(call, words);
  };
}

function runs(
  { exchange, name }: HttpFilterCall,
  text: string,
  details: readonly string[] = [],
  origins: readonly StepOrigin[] = [],
) {
  note(exchange.passage, { kind: 'filter', name, text, details, origins, effect: 'unknown' });
  exchange.passage.missing.add(
    `Filter ${name} ${text}: what becomes of the request there is not known, and it is taken to pass as it is.`,
  );
  return undefined;
}

const wasm: HttpFilter = (call) => {
  const { name, config, exchange } = call;
  const plugin = typedConfig(WasmSchema, config)?.config;
  if (lookOn.has(name) || isBuiltIn(config)) return undefined;
  // Istio writes its group so, and had only the object's name before.
  const [, namespace, object] =
    /^(?:exten\w+\.istio\.io\/wasmplugin\/)?(?!istio\.|envoy\.)([a-z0-9-]+)\.([a-z0-9.-]+)$/.exec(plugin?.name || name) ?? [];
  const origin = namespace === undefined ? [] : [stepOrigin(`WasmPlugin/${namespace}/${object}`, '', exchange.passage.locate)];
  const called = object ?? plugin?.name ?? '';
  const details = [
    plugin?.failOpen === true ? 'if it cannot run, requests pass' : 'if it cannot run, requests are refused with 500',
  ];
  return runs(call, `runs the Wasm plugin ${called}`.trim(), details, origin);
};

/** Code that is part of the proxy itself. */
const isBuiltIn = (config: Any | undefined): boolean => {
  const vm = typedConfig(WasmSchema, config)?.config?.vm;
  return vm?.case === 'vmConfig' && vm.value.runtime === 'envoy.wasm.runtime.null';
};

const processor: HttpFilter = (call) => {
  const route = typedConfig(ExtProcPerRouteSchema, unwrapped(call.own))?.override;
  if (route?.case === 'disabled' && route.value) return undefined;
  const said = typedConfig(ExternalProcessorSchema, call.config);
  const own = route?.case === 'overrides' ? route.value.grpcService : undefined;
  const who = targetOf(own ?? said?.grpcService) || 'another service';
  return runs(call, `hands the request to ${who}, which may change or answer it`, [
    said?.failureModeAllow === true ? 'without it requests pass' : 'without it they are answered with 500',
  ]);
};

// Dumps of Envoys before 1.18, which speak version 2 of the API: brought into version 3 as far as it says the same.

import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { field, isObject } from './dump-forms.ts';

/** The newer names of what has moved, beginnings first. */
const moved: readonly (readonly [old: RegExp, now: string])[] = [
  [/^envoy\.config\.filter\.network\.(\w+)\.v2(?:alpha\d?)?\./, 'envoy.extensions.filters.network.$1.v3.'],
  [/^envoy\.config\.filter\.http\.(?!alpn)(\w+)\.v2(?:alpha\d?)?\./, 'envoy.extensions.filters.http.$1.v3.'],
  [/^envoy\.config\.filter\.listener\.(\w+)\.v2(?:alpha\d?)?\./, 'envoy.extensions.filters.listener.$1.v3.'],
  [/^envoy\.api\.v2\.auth\./, 'envoy.extensions.transport_sockets.tls.v3.'],
  [/^envoy\.config\.filter\.fault\.v2\./, 'envoy.extensions.filters.common.fault.v3.'],
  [/^envoy\.config\.filter\.accesslog\.v2\./, 'envoy.config.accesslog.v3.'],
  [/^envoy\.config\.rbac\.v2\./, 'envoy.config.rbac.v3.'],
  [/^envoy\.config\.cluster\.(\w+)\.v2(?:alpha\d?)?\./, 'envoy.extensions.clusters.$1.v3.'],
];

/** Filters that were told what to do without a type, by their names. */
const untyped: Readonly<Record<string, string>> = {
  'envoy.http_connection_manager': 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  'envoy.tcp_proxy': 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
  'envoy.filters.network.rbac': 'envoy.extensions.filters.network.rbac.v3.RBAC',
  'envoy.filters.http.rbac': 'envoy.extensions.filters.http.rbac.v3.RBAC',
  'envoy.filters.http.jwt_authn': 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication',
  'envoy.fault': 'envoy.extensions.filters.http.fault.v3.HTTPFault',
  'envoy.cors': 'envoy.extensions.filters.http.cors.v3.Cors',
  'envoy.router': 'envoy.extensions.filters.http.router.v3.Router',
  'envoy.ext_authz': 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz',
  'envoy.listener.tls_inspector': 'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector',
  'envoy.listener.http_inspector': 'envoy.extensions.filters.listener.http_inspector.v3.HttpInspector',
  'envoy.listener.original_dst': 'envoy.extensions.filters.listener.original_dst.v3.OriginalDst',
};

export const isOld = (type: string): boolean => /\.v2(?:alpha\d?)?\.\w+$/.test(type) && /\/?envoy\.(?:api|config)\./.test(type);

/** A type's name in version 3; what has none stays as it is. */
function newName(type: string): string {
  const name = type.slice(type.lastIndexOf('/') + 1);
  for (const [old, now] of moved) if (old.test(name)) return `type.googleapis.com/${name.replace(old, now)}`;
  return type;
}

const typed = (type: string, value: JsonObject): JsonObject => ({ ...value, '@type': `type.googleapis.com/${type}` });

/** A resource of version 2 in the words of version 3. */
export function inVersion3(value: JsonValue, depth = 0): JsonValue {
  if (depth > 200) return value;
  if (Array.isArray(value)) return value.map((each) => inVersion3(each, depth + 1));
  if (!isObject(value)) return value;
  const made = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, inVersion3(each, depth + 1)]));
  const type = made['@type'];
  if (typeof type === 'string') made['@type'] = newName(type);
  configured(made);
  secured(made);
  if (typeof made['regex'] === 'string' && ('route' in made || Object.keys(made).length === 1 || 'headers' in made))
    rename(made, 'regex', 'safe_regex', (regex) => ({ regex }));
  const asked = field(made, 'regex_match');
  if (typeof asked === 'string') {
    delete made['regexMatch'];
    made['regex_match'] = asked;
    rename(made, 'regex_match', 'safe_regex_match', (regex) => ({ regex }));
  }
  return made;
}

function rename(object: JsonObject, old: string, now: string, form: (value: JsonValue) => JsonValue): void {
  const value = object[old];
  if (value === undefined) return;
  delete object[old];
  object[now] = form(value);
}

/** `config`, a structure whose type the name says. */
function configured(object: JsonObject): void {
  const { name, config } = object;
  const type = typeof name === 'string' ? untyped[name] : undefined;
  if (type === undefined || field(object, 'typed_config') !== undefined || (config !== undefined && !isObject(config))) return;
  delete object['config'];
  object['typed_config'] = typed(type, config ?? {});
}

/** `tls_context` of a cluster or a chain, and a cluster's `hosts`. */
function secured(object: JsonObject): void {
  const context = field(object, 'tls_context');
  // In a route it is a condition of the same name.
  if (isObject(context) && field(context, 'common_tls_context') !== undefined) {
    const kind = 'filters' in object ? 'DownstreamTlsContext' : 'UpstreamTlsContext';
    delete object['tls_context'];
    delete object['tlsContext'];
    object['transport_socket'] = {
      name: 'tls',
      typed_config: typed(`envoy.extensions.transport_sockets.tls.v3.${kind}`, context),
    };
  }
  const { hosts, name } = object;
  if (Array.isArray(hosts) && field(object, 'connect_timeout') !== undefined) {
    delete object['hosts'];
    const lb_endpoints = hosts.map((address) => ({ endpoint: { address } }));
    object['load_assignment'] = { cluster_name: name ?? '', endpoints: [{ lb_endpoints }] };
  }
}

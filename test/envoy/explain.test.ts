// What explain says of a configuration, held against what the real Envoy does with it: hosts, routes, rewrites, header changes, filters,
// and filter chains. Envoy's own config_dump is what is explained.

import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import type { Explanation } from '../../src/explain/explanation.ts';
import type { Request } from '../../src/explain/request.ts';
import {
  anyPort,
  clusterAt,
  get,
  proxyProtocol,
  requestOf,
  startOneEnvoy,
  type,
  type Answer,
  type Asked,
  type OneEnvoy,
} from '../support/explain/one-envoy.ts';

const routes = `
name: all
validate_clusters: false
ignore_port_in_host_matching: true
request_headers_to_add: [{header: {key: x-order, value: table}}, {header: {key: x-table, value: "%REQ(x-user)%"}}]
request_headers_to_remove: [x-secret]
virtual_hosts:
  - name: exact
    domains: [a.example.com, "A2.example.com"]
    request_headers_to_add: [{header: {key: x-order, value: host}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
    routes:
      - {match: {prefix: /user, headers: [{name: x-user, string_match: {exact: jason}}]}, route: {cluster: two}}
      - {match: {prefix: /user, headers: [{name: x-user, string_match: {prefix: JA, ignore_case: true}, invert_match: true}]}, route: {cluster: one, prefix_rewrite: /inverted}}
      - {match: {prefix: /missing, headers: [{name: x-user, string_match: {exact: jason}, invert_match: true, treat_missing_header_as_empty: true}]}, route: {cluster: one}}
      - {match: {prefix: /absent, headers: [{name: x-user, present_match: true, invert_match: true}]}, route: {cluster: one}}
      - {match: {prefix: /absent, headers: [{name: x-user, present_match: false}]}, route: {cluster: two}}
      - {match: {prefix: /number, headers: [{name: x-n, range_match: {start: 2, end: 10}}]}, route: {cluster: two}}
      - {match: {prefix: /several, headers: [{name: x-n, string_match: {exact: "1,2"}}]}, route: {cluster: two}}
      - {match: {prefix: /several, headers: [{name: x-n, string_match: {contains: "2"}}]}, route: {cluster: one}}
      - {match: {prefix: /invert, headers: [{name: x-n, string_match: {exact: "1"}, invert_match: true}]}, route: {cluster: two}}
      - {match: {prefix: /regex, headers: [{name: x-n, string_match: {safe_regex: {regex: "[0-9],[0-9]"}}}]}, route: {cluster: two}}
      - {match: {prefix: /regex, headers: [{name: x-n, string_match: {suffix: "1"}}]}, route: {cluster: two, prefix_rewrite: /suffix}}
      - {match: {prefix: /m, headers: [{name: ":method", string_match: {safe_regex: {regex: "P(OS|U)T"}}}]}, route: {cluster: two}}
      - {match: {prefix: /h, headers: [{name: host, string_match: {prefix: "a."}}]}, route: {cluster: two}}
      - {match: {path: /exact}, route: {cluster: one}}
      - {match: {path: /CASE, case_sensitive: false}, route: {cluster: two, prefix_rewrite: /lower}}
      - {match: {path_separated_prefix: /sep}, route: {cluster: two, prefix_rewrite: /other}}
      - {match: {safe_regex: {regex: "/re/[0-9]+(/.*)?"}}, route: {cluster: one, regex_rewrite: {pattern: {regex: "^/re/([0-9]+)"}, substitution: "/n-\\\\1"}}}
      - {match: {prefix: /q, query_parameters: [{name: a, string_match: {exact: "1"}}]}, route: {cluster: two}}
      - {match: {prefix: /q, query_parameters: [{name: b, present_match: true}]}, route: {cluster: one}}
      - {match: {prefix: /q, query_parameters: [{name: c}]}, route: {cluster: two, host_rewrite_literal: rewritten.example}}
      - {match: {prefix: /grpc, grpc: {}}, route: {cluster: two}}
      - match: {path_match_policy: {name: t, typed_config: {"@type": ${type('envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig')}, path_template: "/t/{id}/{rest=**}"}}}
        route: {cluster: two, path_rewrite_policy: {name: r, typed_config: {"@type": ${type('envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig')}, path_template_rewrite: "/{rest}/of/{id}"}}}
      - {match: {prefix: /weights}, route: {weighted_clusters: {clusters: [{name: one, weight: 0}, {name: two, weight: 100, request_headers_to_add: [{header: {key: x-order, value: weighted}}], request_headers_to_remove: [x-n]}]}}}
      - {match: {prefix: /named}, route: {cluster_header: x-cluster}}
      - {match: {prefix: /fault}, route: {cluster: one}, typed_per_filter_config: {envoy.filters.http.fault: {"@type": ${type('envoy.extensions.filters.http.fault.v3.HTTPFault')}, headers: [{name: x-user, present_match: true}], abort: {http_status: 418, percentage: {numerator: 100}}}}}
      - {match: {prefix: /cors}, route: {cluster: one}, typed_per_filter_config: {envoy.filters.http.cors: {"@type": ${type('envoy.extensions.filters.http.cors.v3.CorsPolicy')}, allow_origin_string_match: [{exact: "https://good"}], allow_methods: "GET,POST", forward_not_matching_preflights: false}}}
      - {match: {prefix: /open}, route: {cluster: one}, typed_per_filter_config: {envoy.filters.http.rbac: {"@type": ${type('envoy.extensions.filters.http.rbac.v3.RBACPerRoute')}}}}
      - {match: {prefix: /nobody}, route: {cluster: nobody}}
      - {match: {prefix: /unknown}, route: {cluster: not-there}}
      - {match: {prefix: /unknown404}, route: {cluster: not-there, cluster_not_found_response_code: NOT_FOUND}}
      - match: {prefix: /}
        route: {cluster: one}
        request_headers_to_add:
          - {header: {key: x-order, value: route}}
          - {header: {key: x-user, value: other}, append_action: OVERWRITE_IF_EXISTS}
          - {header: {key: x-n, value: "9"}, append_action: ADD_IF_ABSENT}
          - {header: {key: x-where, value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %PROTOCOL% %%"}}
  - name: suffix
    domains: ["*.example.com", "*-x.example.com", "*.org"]
    routes:
      - {match: {path: /https}, redirect: {https_redirect: true}}
      - {match: {path: /port}, redirect: {port_redirect: 8443, scheme_redirect: https}}
      - {match: {path: /host}, redirect: {host_redirect: other.example, response_code: FOUND}}
      - {match: {path: /path}, redirect: {path_redirect: /there}}
      - {match: {path: /path-query}, redirect: {path_redirect: "/there?own=1", strip_query: true}}
      - {match: {path: /strip}, redirect: {strip_query: true, response_code: PERMANENT_REDIRECT}}
      - {match: {prefix: /pre}, redirect: {prefix_rewrite: /post, response_code: TEMPORARY_REDIRECT}}
      - {match: {prefix: /rex}, redirect: {regex_rewrite: {pattern: {regex: "/rex/(.)"}, substitution: "/\\\\1"}, response_code: SEE_OTHER}}
      - {match: {prefix: /direct}, direct_response: {status: 203, body: {inline_string: hello}}}
  - {name: prefix, domains: ["www.*"], routes: [{match: {prefix: /}, route: {cluster: two, append_x_forwarded_host: true, host_rewrite_header: x-host}}]}
  - {name: secure, domains: [secure], require_tls: ALL, routes: [{match: {prefix: /}, route: {cluster: one}}]}
  - {name: last-host, domains: ["[::1]"], routes: [{match: {prefix: /}, route: {cluster: two}}]}
`;

const manager = {
  '@type': type('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
  stat_prefix: 'http',
  normalize_path: true,
  merge_slashes: true,
  path_with_escaped_slashes_action: 'UNESCAPE_AND_FORWARD',
  route_config: parse(routes) as object,
  http_filters: [
    {
      name: 'envoy.filters.http.rbac',
      typed_config: {
        '@type': type('envoy.extensions.filters.http.rbac.v3.RBAC'),
        rules: parse(`
action: DENY
policies:
  "ns[a]-policy[deny]-rule[0]":
    permissions:
      - and_rules: {rules: [{or_rules: {rules: [{url_path: {path: {prefix: /denied}}}, {header: {name: x-n, string_match: {exact: "6"}}}]}}, {not_rule: {header: {name: ":method", string_match: {exact: GET}}}}]}
    principals: [{or_ids: {ids: [{remote_ip: {address_prefix: 10.0.0.0, prefix_len: 8}}, {remote_ip: {address_prefix: 172.16.0.0, prefix_len: 12}}]}}]
`) as object,
      },
    },
    { name: 'envoy.filters.http.cors', typed_config: { '@type': type('envoy.extensions.filters.http.cors.v3.Cors') } },
    { name: 'envoy.filters.http.fault', typed_config: { '@type': type('envoy.extensions.filters.http.fault.v3.HTTPFault') } },
    {
      name: 'envoy.filters.http.router',
      typed_config: { '@type': type('envoy.extensions.filters.http.router.v3.Router'), suppress_envoy_headers: true },
    },
  ],
};

const answers = (name: string) => [
  {
    name: 'envoy.filters.network.direct_response',
    typed_config: {
      '@type': type('envoy.extensions.filters.network.direct_response.v3.Config'),
      response: { inline_string: name },
    },
  },
];

const range = (address_prefix: string, prefix_len: number) => ({ address_prefix, prefix_len });

const chains: Readonly<Record<string, object>> = {
  'port-tls-istio': { destination_port: 80, transport_protocol: 'tls', application_protocols: ['istio', 'istio-h2'] },
  'port-tls': { destination_port: 80, transport_protocol: 'tls' },
  'port-http': { destination_port: 80, transport_protocol: 'raw_buffer', application_protocols: ['http/1.1', 'h2c'] },
  'named-exact': { server_names: ['a.b.example'] },
  'named-near': { server_names: ['*.b.example'], transport_protocol: 'tls' },
  'named-far': { server_names: ['*.example'] },
  narrow: { prefix_ranges: [range('10.1.1.0', 24)] },
  'wide-http': { prefix_ranges: [range('10.1.0.0', 16)], application_protocols: ['http/1.1'] },
  'wide-office': { prefix_ranges: [range('10.1.0.0', 16)], source_prefix_ranges: [range('10.9.0.0', 16)] },
  'wide-office-port': {
    prefix_ranges: [range('10.1.0.0', 16)],
    source_prefix_ranges: [range('10.9.0.0', 16)],
    source_ports: [1111],
  },
  'wide-office-desk': { prefix_ranges: [range('10.1.0.0', 16)], source_prefix_ranges: [range('10.9.9.0', 24)] },
  local: { prefix_ranges: [range('10.2.0.0', 16)], source_type: 'SAME_IP_OR_LOOPBACK' },
  external: { prefix_ranges: [range('10.2.0.0', 16)], source_type: 'EXTERNAL' },
};

const inspectors = [
  {
    name: 'envoy.filters.listener.tls_inspector',
    typed_config: { '@type': type('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector') },
  },
  {
    name: 'envoy.filters.listener.http_inspector',
    typed_config: { '@type': type('envoy.extensions.filters.listener.http_inspector.v3.HttpInspector') },
  },
];
const listeners = [
  {
    name: 'http',
    address: anyPort,
    listener_filters: [proxyProtocol],
    filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
  },
  {
    name: 'chains',
    address: anyPort,
    listener_filters: [proxyProtocol, ...inspectors],
    filter_chains: Object.entries(chains).map(([name, filter_chain_match]) => ({
      name,
      filter_chain_match,
      filters: answers(name),
    })),
    default_filter_chain: { name: 'rest', filters: answers('rest') },
  },
];

let envoy: OneEnvoy;
before(async () => {
  envoy = await startOneEnvoy(listeners, ['one', 'two'], (ports) => [
    ...Object.entries(ports).map(([name, port]) => clusterAt(name, port)),
    clusterAt('nobody', undefined),
  ]);
});
after(() => envoy[Symbol.asyncDispose]());

/** Headers that the configuration changes, or that a caller sends. */
const watched = [
  'x-order',
  'x-table',
  'x-secret',
  'x-user',
  'x-n',
  'x-where',
  'x-host',
  'x-cluster',
  'x-forwarded-host',
  'x-envoy-original-path',
];

/** What both say, in one form. */
function said(explanation: Explanation): object {
  const { outcome } = explanation;
  if (outcome.kind === 'answered') {
    const location = outcome.headers.find(([name]) => name === 'location')?.[1];
    return { status: outcome.status, ...(location !== undefined && { location }) };
  }
  if (outcome.kind !== 'forwarded') return { outcome };
  const [target] = outcome.targets;
  if (target?.failure?.kind === 'answered') return { status: target.failure.status };
  const headers = Object.fromEntries(
    watched.map((name) => [
      name,
      target?.request?.headers
        .filter(([key]) => key === name)
        .map(([, value]) => value)
        .join(',')
        .replaceAll(', ', ','),
    ]),
  );
  return {
    status: 200,
    server: target?.cluster,
    method: target?.request?.method,
    path: target?.request?.path,
    host: target?.request?.authority,
    headers,
  };
}

function happened({ status, headers, body }: Answer): object {
  const server = headers['x-server'];
  const { location } = headers;
  if (server === undefined) return { status, ...(location !== undefined && { location }) };
  const got = JSON.parse(body) as { method: string; url: string; headers: IncomingHttpHeaders };
  const seen = Object.fromEntries(watched.map((name) => [name, String(got.headers[name] ?? '').replaceAll(', ', ',')]));
  return { status, server, method: got.method, path: got.url, host: got.headers.host, headers: seen };
}

async function agree(asked: Asked): Promise<Explanation> {
  const explanation = envoy.explained('http', requestOf(asked));
  const really = happened(await envoy.ask('http', asked));
  assert.deepEqual(
    said(explanation),
    really,
    `${JSON.stringify(asked)}\n${explanation.steps.map(({ text: step }) => step).join('\n')}`,
  );
  return explanation;
}

const a = 'a.example.com';
const table: readonly Asked[] = [
  get(a, '/user', [['x-user', 'jason']]),
  get(a, '/user', [['X-User', 'other']]),
  get(a, '/user', [['x-user', 'jack']]),
  get(a, '/user'),
  get('A.EXAMPLE.COM:8080', '/missing'),
  get(a, '/missing', [['x-user', 'jason']]),
  get(a, '/absent'),
  get(a, '/absent', [['x-user', '']]),
  get(a, '/number', [['x-n', '2']]),
  get(a, '/number', [['x-n', '10']]),
  get(a, '/number', [['x-n', '2x']]),
  get(a, '/several', [
    ['x-n', '1'],
    ['x-n', '2'],
  ]),
  get(a, '/invert', [
    ['x-n', '1'],
    ['x-n', '2'],
  ]),
  get(a, '/invert', [['x-n', '2']]),
  get(a, '/invert'),
  get(a, '/regex', [
    ['x-n', '1'],
    ['x-n', '2'],
  ]),
  get(a, '/regex', [['x-n', '1,2']]),
  get(a, '/several', [['x-n', '1,2']]),
  get(a, '/several', [['x-n', '1, 2']]),
  get(a, '/%7e%2d%5F%21%24%7b%22%2b%3a%40'),
  get(a, '/a"b<c>d`e{f}g|h^i~j[k]l!m'),
  get(a, '/several', [['x-n', '12']]),
  get(a, '/m', [], { method: 'PUT' }),
  get(a, '/h'),
  get(a, '/exact?x'),
  get(a, '/case'),
  get(a, '/sep'),
  get(a, '/sep/x?y=1'),
  get(a, '/separate'),
  get(a, '/re/12/x?y'),
  get(a, '/re/x'),
  get(a, '/q?a=1&a=2'),
  get(a, '/q?a=2&b'),
  get(a, '/q?c=%41'),
  get(a, '/q?a%3D1'),
  get(a, '/grpc', [['content-type', 'application/grpc+proto']]),
  get(a, '/grpc', [['content-type', 'application/grpcx']]),
  get(a, '/t/7/a/b?q'),
  get(a, '/t/7'),
  get(a, '/weights', [['x-n', '3']]),
  get(a, '/named', [['x-cluster', 'two']]),
  get(a, '/named', [['x-cluster', 'gone']]),
  get(a, '/named'),
  get(a, '/fault', [['x-user', 'u']]),
  get(a, '/fault'),
  get(
    a,
    '/cors',
    [
      ['origin', 'https://good'],
      ['access-control-request-method', 'GET'],
    ],
    { method: 'OPTIONS' },
  ),
  get(
    a,
    '/cors',
    [
      ['origin', 'https://bad'],
      ['access-control-request-method', 'GET'],
    ],
    { method: 'OPTIONS' },
  ),
  get(a, '/cors', [['origin', 'https://bad']]),
  get(a, '/nobody'),
  get(a, '/unknown'),
  get(a, '/unknown404'),
  get(a, '/denied', [], { method: 'POST' }),
  get(a, '/denied'),
  get(a, '/denied', [], { method: 'POST', source: '192.168.0.1' }),
  get(a, '/denied', [['x-forwarded-for', '1.2.3.4, 172.16.0.1']], { method: 'POST', source: '192.168.0.1' }),
  get(a, '/denied', [['x-forwarded-for', '172.16.0.1, 1.2.3.4']], { method: 'POST', source: '192.168.0.1' }),
  get(a, '/open', [['x-n', '6']], { method: 'POST' }),
  get(
    a,
    '/rest',
    [
      ['x-n', '5'],
      ['x-n', '6'],
    ],
    { method: 'POST' },
  ),
  get(a, '/rest', [
    ['x-user', 'me'],
    ['x-secret', 's'],
  ]),
  get(a, '/a/./b/../c//d/%2e%2E/e%2Ff%5Cg?x=/../y'),
  get(a, '/..//../x'),
  get(a, '/a/..'),
  get(a, '/a%41b\\c'),
  get('b.example.com', '/https?x=1', [['x-forwarded-proto', 'http']]),
  get('b.example.com:80', '/https?x=1'),
  get('b.example.com:81', '/https'),
  get('b.example.com:81', '/port'),
  get('b.example.com', '/host?x=1'),
  get('b.example.com', '/path?x=1'),
  get('b.example.com', '/path-query?x=1'),
  get('b.example.com', '/strip?x=1'),
  get('b.example.com', '/pre/x?y=1'),
  get('b.example.com', '/rex/ab?y=1'),
  get('b.example.com', '/https', [['x-forwarded-proto', 'https']]),
  get('b.example.com', '/direct'),
  get('b.example.com', '/nothing'),
  get('b-x.example.com', '/direct'),
  get('x.org', '/direct'),
  get('org', '/direct'),
  get('www.x', '/', [['x-host', 'h.example']]),
  get('www.x', '/'),
  get('www.example.com', '/direct'),
  get('secure:8080', '/x?y'),
  get('secure', '/x', [['x-forwarded-proto', 'https']]),
  get('[::1]:80', '/'),
  get('nobody', '/'),
];

for (const asked of table) {
  test(`HTTP: ${asked.method} ${asked.host}${asked.path} ${asked.headers.map((each) => each.join(': ')).join('; ')}`, () =>
    agree(asked).then(() => {}));
}

test('HTTP: requests put together at random', async () => {
  const pick = <Value>(values: readonly Value[]) => fc.constantFrom(...values);
  const names = table.map(({ path }) => path);
  const arbitrary = fc.record({
    method: pick(['GET', 'GET', 'POST', 'OPTIONS', 'DELETE']),
    host: pick(table.map(({ host }) => host)),
    path: fc.tuple(pick(names), pick(['', '/x', '/../user', '//', '?a=1', '&b=2'])).map((parts) => parts.join('')),
    headers: fc.array(pick(table.flatMap(({ headers }) => headers)), { maxLength: 3 }),
    source: pick(['10.3.0.1', '192.168.0.1']),
  });
  const outcomes = new Set<string>();
  const disagreements: unknown[] = [];
  for (const asked of fc.sample(arbitrary, { seed: 4711, numRuns: 600 })) {
    const { outcome } = await agree(asked).catch((error: unknown) => {
      disagreements.push(error);
      return envoy.explained('http', requestOf(asked));
    });
    outcomes.add(outcome.kind === 'answered' ? String(outcome.status) : outcome.kind);
  }
  assert.equal(disagreements.length, 0, disagreements.slice(0, 10).map(String).join('\n\n'));
  assert.ok(outcomes.size >= 8, [...outcomes].join());
});

interface Dialled {
  readonly destination: string;
  readonly port: number;
  readonly source: string;
  readonly sourcePort: number;
  readonly speaks: 'http' | 'bytes' | 'tls';
  readonly sni: string;
  readonly alpn: readonly string[];
}

/** The name of the chain that answered. */
async function dial({ destination, port, source, sourcePort, speaks, sni, alpn }: Dialled): Promise<string> {
  const socket = await envoy.open('chains', { source, sourcePort }, { address: destination, port });
  if (speaks === 'http') socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  if (speaks === 'bytes') socket.write('hello there, this is no request\r\n');
  if (speaks === 'tls') socket.write(await clientHello(sni, alpn));
  return text(socket).finally(() => socket.destroy());
}

/** The first bytes of a TLS client. */
function clientHello(sni: string, alpn: readonly string[]): Promise<Buffer> {
  return new Promise((resolve) => {
    const pipe = new Duplex({ read: () => {}, write: (chunk: Buffer) => resolve(chunk) });
    connectTls({ socket: pipe, ...(sni !== '' && { servername: sni }), ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }) }).on(
      'error',
      () => {},
    );
  });
}

const connectionOf = ({ destination, port, source, sourcePort, speaks, sni, alpn }: Dialled): Request => {
  const connection = {
    entry: { port: 0 },
    destination: { address: destination, port },
    source: { address: source, port: sourcePort },
  };
  if (speaks === 'http') return { ...requestOf(get('a', '/')), ...connection };
  return { kind: 'tcp', ...connection, ...(speaks === 'tls' && { tls: { sni, alpn } }) };
};

test('filter chains: connections put together at random', async () => {
  const pick = <Value>(values: readonly Value[]) => fc.constantFrom(...values);
  const arbitrary = fc.record({
    destination: pick(['10.0.0.1', '10.1.0.1', '10.1.1.7', '10.2.0.1']),
    port: pick([80, 81, 443]),
    source: pick(['10.3.0.1', '10.9.0.1', '10.9.9.1', '10.2.0.1', '127.0.0.1']),
    sourcePort: pick([1111, 2222]),
    speaks: pick(['http', 'bytes', 'tls', 'tls'] as const),
    sni: pick(['', '', 'a.b.example', 'c.b.example', 'x.c.b.example', 'z.example', 'other.org']),
    alpn: pick([[], ['istio'], ['h2', 'istio'], ['h2', 'http/1.1']]),
  });
  const met = new Set<string>();
  const disagreements: string[] = [];
  for (const dialled of fc.sample(arbitrary, { seed: 4711, numRuns: 500 })) {
    const { steps } = envoy.explained('chains', connectionOf(dialled));
    const chain = steps.find(({ kind }) => kind === 'chain')?.name ?? '';
    const really = await dial(dialled);
    if (chain !== really) disagreements.push(`${JSON.stringify(dialled)}: explained ${chain}, met ${really}`);
    met.add(chain);
  }
  assert.deepEqual(disagreements, []);
  assert.deepEqual(
    [...Object.keys(chains), 'rest'].filter((name) => !met.has(name)),
    [],
  );
});

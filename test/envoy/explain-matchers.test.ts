// Trees of matchers, held against what the real Envoy makes of them: filter chains, routes and authorization that are chosen by them.

import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import type { Explanation } from '../../src/explain/explanation.ts';
import {
  anyPort,
  clusterAt,
  get,
  proxyProtocol,
  requestOf,
  startOneEnvoy,
  type,
  type Asked,
  type OneEnvoy,
} from '../support/explain/one-envoy.ts';

/** Short forms of what stands in trees: `${in} port` is an input, `go: x` an action. */
const written = (yaml: string): object =>
  parse(yaml, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value;
    const { input, go, ip, is, ...rest } = value as Record<string, unknown>;
    if (typeof input === 'string') {
      const [kind = '', argument = ''] = input.split(' ');
      return { ...rest, ...(is as object), input: { name: kind, typed_config: inputs(kind, argument) } };
    }
    if (go !== undefined) return { action: { name: 'go', typed_config: action(go) } };
    if (Array.isArray(ip)) {
      const range_matchers = ip.map((each: { in: string; exclusive?: boolean }) => {
        const { in: range, ...more } = each;
        const [address_prefix, length] = range.split('/');
        return { ...more, ranges: [{ address_prefix, prefix_len: Number(length) }] };
      });
      return { name: 'ip', typed_config: { '@type': type('xds.type.matcher.v3.IPMatcher'), range_matchers } };
    }
    return value;
  }) as object;

const network = 'envoy.extensions.matching.common_inputs.network.v3.';
function inputs(kind: string, argument: string): object {
  if (kind === 'header') return { '@type': type('envoy.type.matcher.v3.HttpRequestHeaderMatchInput'), header_name: argument };
  if (kind === 'query') return { '@type': type('envoy.type.matcher.v3.HttpRequestQueryParamMatchInput'), query_param: argument };
  return { '@type': type(`${network}${kind}`) };
}

function action(go: unknown): object {
  if (typeof go === 'string' && /^(?:ALLOW|DENY|LOG) /.test(go)) {
    const [verdict, name] = go.split(' ');
    return { '@type': type('envoy.config.rbac.v3.Action'), name, action: verdict };
  }
  if (typeof go === 'string') return { '@type': type('google.protobuf.StringValue'), value: go };
  if (Array.isArray(go)) return { '@type': type('envoy.config.route.v3.RouteList'), routes: go };
  return { '@type': type('envoy.config.route.v3.Route'), ...(go as object) };
}

const chainTree = written(`
matcher_tree:
  input: DestinationIPInput
  custom_match:
    ip:
      - in: 10.1.0.0/16
        on_match:
          matcher:
            matcher_tree:
              input: DestinationPortInput
              exact_match_map:
                map:
                  "80": {go: wide-80}
                  "81": {matcher: {matcher_tree: {input: ApplicationProtocolInput, exact_match_map: {map: {"'http/1.1'": {go: wide-http}, "'h2c'": {go: wide-http}}}}, on_no_match: {go: wide-tcp}}}
                  "82": {go: nowhere}
      - in: 10.1.1.0/24
        on_match: {matcher: {matcher_tree: {input: DestinationPortInput, exact_match_map: {map: {"81": {go: narrow-81}}}}}}
      - in: 10.2.0.0/16
        on_match:
          matcher:
            matcher_list:
              matchers:
                - predicate: {single_predicate: {input: SourceIPInput, is: {value_match: {prefix: "10.9."}}}}
                  on_match: {matcher: {matcher_tree: {input: DestinationPortInput, exact_match_map: {map: {"80": {go: office}}}}}}
                - predicate: {and_matcher: {predicate: [{single_predicate: {input: SourceTypeInput, is: {value_match: {exact: local}}}}, {not_matcher: {single_predicate: {input: DestinationPortInput, is: {value_match: {exact: "82"}}}}}]}}
                  on_match: {go: local}
                - predicate: {or_matcher: {predicate: [{single_predicate: {input: SourcePortInput, is: {value_match: {exact: "1111"}}}}, {single_predicate: {input: SourceIPInput, is: {value_match: {exact: "10.9.9.1"}}}}]}}
                  on_match: {go: either}
            on_no_match: {matcher: {matcher_tree: {input: DestinationPortInput, prefix_match_map: {map: {"8": {go: eight}, "80": {matcher: {matcher_tree: {input: SourcePortInput, exact_match_map: {map: {"2222": {go: eighty}}}}}}}}}}}
      - in: 10.3.0.0/16
        on_match: {matcher: {matcher_tree: {input: DestinationPortInput, exact_match_map: {map: {"80": {go: three}}}}}}
      - in: 10.0.0.0/9
        exclusive: true
        on_match: {matcher: {matcher_tree: {input: DestinationPortInput, prefix_match_map: {map: {"8": {go: half}}}}}}
      - in: 10.0.0.0/8
        on_match: {matcher: {matcher_tree: {input: TransportProtocolInput, exact_match_map: {map: {raw_buffer: {go: all-ten}}}}}}
`);
const chainNames = [
  'wide-80',
  'wide-http',
  'wide-tcp',
  'narrow-81',
  'office',
  'local',
  'either',
  'eight',
  'eighty',
  'three',
  'half',
  'all-ten',
];

const routeTree = (): object =>
  written(`
matcher_list:
  matchers:
    - predicate: {single_predicate: {input: "header x-user", is: {value_match: {exact: jason}}}}
      on_match: {go: {match: {prefix: /user}, route: {cluster: two}}}
    - predicate: {single_predicate: {input: "header x-n", is: {value_match: {safe_regex: {google_re2: {}, regex: "[0-9]{2}"}}}}}
      on_match: {go: {match: {prefix: /}, direct_response: {status: 209}}}
on_no_match:
  matcher:
    matcher_tree:
      input: "header :path"
      prefix_match_map:
        map:
          /list: {go: [{match: {path: /list/a}, route: {cluster: one}}, {match: {prefix: /list, headers: [{name: x-n}]}, route: {cluster: two}}]}
          /list/deep: {go: {match: {prefix: /}, direct_response: {status: 207}}}
          /tree: {matcher: {matcher_tree: {input: "header x-n", exact_match_map: {map: {"1": {go: {match: {prefix: /}, route: {cluster: one}}}}}}}}
          /t: {go: {match: {prefix: /}, direct_response: {status: 208}}}
`);

const rules = (): object =>
  written(`
matcher_list:
  matchers:
    - predicate: {single_predicate: {input: "header x-deny", is: {value_match: {exact: "yes"}}}}
      on_match: {go: "DENY ns[a]-policy[deny]-rule[0]"}
    - predicate: {single_predicate: {input: SourceIPInput, is: {custom_match: {name: ip, typed_config: {"@type": ${type('envoy.extensions.matching.input_matchers.ip.v3.Ip')}, stat_prefix: a, cidr_ranges: [{address_prefix: 10.3.0.0, prefix_len: 16}]}}}}}
      on_match: {go: ALLOW office}
    - predicate: {single_predicate: {input: "header x-log", is: {value_match: {contains: E, ignore_case: true}}}}
      on_match: {go: LOG logged}
`);

const answers = (name: string) => [
  {
    name: 'envoy.filters.network.direct_response',
    typed_config: {
      '@type': type('envoy.extensions.filters.network.direct_response.v3.Config'),
      response: { inline_string: name },
    },
  },
];
const inspector = {
  name: 'envoy.filters.listener.http_inspector',
  typed_config: { '@type': type('envoy.extensions.filters.listener.http_inspector.v3.HttpInspector') },
};
const chainsListener = (name: string, more: object) => ({
  name,
  address: anyPort,
  listener_filters: [proxyProtocol, inspector],
  filter_chains: chainNames.map((chain) => ({ name: chain, filters: answers(chain) })),
  filter_chain_matcher: chainTree,
  ...more,
});
const listeners = [
  chainsListener('chains', { default_filter_chain: { name: 'rest', filters: answers('rest') } }),
  chainsListener('bare', {}),
  {
    name: 'http',
    address: anyPort,
    listener_filters: [proxyProtocol],
    filter_chains: [
      {
        filters: [
          {
            name: 'http',
            typed_config: {
              '@type': type('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
              stat_prefix: 'http',
              route_config: { name: 'all', virtual_hosts: [{ name: 'tree', domains: ['*'], matcher: routeTree() }] },
              http_filters: [
                {
                  name: 'envoy.filters.http.rbac',
                  typed_config: { '@type': type('envoy.extensions.filters.http.rbac.v3.RBAC'), matcher: rules() },
                },
                {
                  name: 'envoy.filters.http.router',
                  typed_config: { '@type': type('envoy.extensions.filters.http.router.v3.Router') },
                },
              ],
            },
          },
        ],
      },
    ],
  },
];

let envoy: OneEnvoy;
before(async () => {
  envoy = await startOneEnvoy(listeners, ['one', 'two'], (ports) =>
    Object.entries(ports).map(([name, port]) => clusterAt(name, port)),
  );
});
after(() => envoy[Symbol.asyncDispose]());

const pick = <Value>(values: readonly Value[]) => fc.constantFrom(...values);

for (const listener of ['chains', 'bare']) {
  test(`filter chains by a tree: connections put together at random, ${listener}`, async () => {
    const arbitrary = fc.record({
      destination: pick(['10.1.0.1', '10.1.1.7', '10.2.0.1', '10.3.0.1', '10.4.0.1', '192.0.2.1']),
      port: pick([80, 81, 82, 8]),
      source: pick(['10.3.0.1', '10.9.0.1', '10.9.9.1', '10.2.0.1']),
      sourcePort: pick([1111, 2222]),
      http: fc.boolean(),
    });
    const met = new Set<string>();
    const disagreements: string[] = [];
    for (const dialled of fc.sample(arbitrary, { seed: 4711, numRuns: 300 })) {
      const { destination, port, source, sourcePort, http } = dialled;
      const socket = await envoy.open(listener, { source, sourcePort }, { address: destination, port });
      socket.write(http ? 'GET / HTTP/1.1\r\nhost: a\r\n\r\n' : 'hello there, this is no request\r\n');
      const really = await text(socket)
        .catch(() => '')
        .finally(() => socket.destroy());
      const connection = { destination: { address: destination, port }, source: { address: source, port: sourcePort } };
      const request = http
        ? { ...requestOf(get('a', '/')), ...connection }
        : ({ kind: 'tcp', entry: { port: 0 }, ...connection } as const);
      const { steps, outcome } = envoy.explained(listener, request);
      const chain = outcome.kind === 'closed' ? '' : (steps.find(({ kind }) => kind === 'chain')?.name ?? '');
      if (chain !== really) disagreements.push(`${JSON.stringify(dialled)}: explained ${chain}, met ${really}`);
      met.add(chain);
    }
    assert.deepEqual(disagreements, []);
    const all = [...chainNames, listener === 'chains' ? 'rest' : ''];
    assert.deepEqual(
      all.filter((name) => !met.has(name)),
      [],
    );
  });
}

/** Status, and who got it. */
function said({ outcome }: Explanation): string {
  if (outcome.kind === 'answered') return String(outcome.status);
  return outcome.kind === 'forwarded' ? `200 ${outcome.targets[0]?.cluster}` : outcome.kind;
}

test('routes and authorization by trees: requests put together at random', async () => {
  const header = pick<readonly [string, string]>([
    ['x-user', 'jason'],
    ['x-n', '1'],
    ['x-n', '22'],
    ['x-deny', 'yes'],
    ['x-log', 'some'],
  ]);
  const arbitrary: fc.Arbitrary<Asked> = fc.record({
    method: pick(['GET', 'POST']),
    host: pick(['a']),
    path: pick([
      '/user',
      '/user?q=7',
      '/x?q=77',
      '/x?q=7x',
      '/list/a',
      '/list/b',
      '/list/deep',
      '/tree',
      '/tree/x',
      '/nothing',
      '/tt',
    ]),
    headers: fc.array(header, { maxLength: 2 }),
    source: pick(['10.3.0.1', '10.3.0.1', '10.9.0.1']),
  });
  const outcomes = new Set<string>();
  const disagreements: string[] = [];
  for (const asked of fc.sample(arbitrary, { seed: 4711, numRuns: 300 })) {
    const { status, headers } = await envoy.ask('http', asked);
    const server = headers['x-server'];
    const really = `${status}${server === undefined ? '' : ` ${String(server)}`}`;
    const explained = said(envoy.explained('http', requestOf(asked)));
    if (explained !== really) disagreements.push(`${JSON.stringify(asked)}: explained ${explained}, met ${really}`);
    outcomes.add(explained);
  }
  assert.deepEqual(disagreements, []);
  assert.deepEqual([...outcomes].sort(), ['200 one', '200 two', '207', '208', '209', '403', '404']);
});

// Answers that the proxy gives itself, upgrades, and endpoints that are chosen, held against the real Envoy: rewritten answers, CONNECT,
// WebSocket, subsets by metadata, several clusters as one.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
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

const settings = parse(`
upgrade_configs: [{upgrade_type: websocket}, {upgrade_type: other, enabled: false}]
local_reply_config:
  mappers:
    - filter: {and_filter: {filters: [{status_code_filter: {comparison: {op: EQ, value: {default_value: 404, runtime_key: k}}}}, {header_filter: {header: {name: x-teapot, present_match: true}}}]}}
      status_code: 418
      body: {inline_string: "no %LOCAL"}
      headers_to_add: [{header: {key: x-why, value: "%REQ(x-teapot)%"}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
    - filter: {response_flag_filter: {flags: [NR, UH]}}
      body_format_override: {text_format_source: {inline_string: "%RESPONSE_CODE% %LOCAL_REPLY_BODY% for %REQ(:path)%"}}
    - filter: {status_code_filter: {comparison: {op: GE, value: {default_value: 500, runtime_key: k}}}}
      status_code: 500
    - filter: {status_code_filter: {comparison: {op: LE, value: {default_value: 299, runtime_key: k}}}}
      body: {inline_string: mapped}
  body_format: {json_format: {status: "%RESPONSE_CODE%", message: "%LOCAL_REPLY_BODY%", path: "at %REQ(:PATH)%"}}
route_config:
  name: all
  validate_clusters: false
  virtual_hosts:
    - name: all
      domains: [a, "a:80"]
      routes:
        - {match: {prefix: /direct}, direct_response: {status: 203, body: {inline_string: hello}}}
        - {match: {prefix: /redirect}, redirect: {path_redirect: /there}}
        - {match: {prefix: /unknown}, route: {cluster: not-there}}
        - {match: {prefix: /nobody}, route: {cluster: nobody}}
        - {match: {prefix: /no-socket}, route: {cluster: one, upgrade_configs: [{upgrade_type: websocket, enabled: false}]}}
        - {match: {prefix: /other}, route: {cluster: one, upgrade_configs: [{upgrade_type: Other}]}}
        - {match: {connect_matcher: {}, headers: [{name: x-tunnel, present_match: true}]}, route: {cluster: one, upgrade_configs: [{upgrade_type: CONNECT, connect_config: {}}]}}
        - {match: {prefix: /subset/v1}, route: {cluster: versions, metadata_match: {filter_metadata: {envoy.lb: {version: v1}}}}}
        - {match: {prefix: /subset/v2}, route: {weighted_clusters: {clusters: [{name: versions, weight: 1, metadata_match: {filter_metadata: {envoy.lb: {version: v2}}}}]}, metadata_match: {filter_metadata: {envoy.lb: {version: v1}}}}}
        - {match: {prefix: /subset/both}, route: {cluster: versions, metadata_match: {filter_metadata: {envoy.lb: {stage: test, version: v1}}}}}
        - {match: {prefix: /subset/stage}, route: {cluster: versions, metadata_match: {filter_metadata: {envoy.lb: {stage: test}}}}}
        - {match: {prefix: /subset/missing}, route: {cluster: versions, metadata_match: {filter_metadata: {envoy.lb: {version: v3}}}}}
        - {match: {prefix: /subset/none}, route: {cluster: versions}}
        - {match: {prefix: /subset/strict}, route: {cluster: strict, metadata_match: {filter_metadata: {envoy.lb: {version: v3}}}}}
        - {match: {prefix: /subset/keys}, route: {cluster: strict, metadata_match: {filter_metadata: {envoy.lb: {version: v2, stage: none}}}}}
        - {match: {prefix: /several}, route: {cluster: several}}
        - {match: {prefix: /}, route: {cluster: one}}
`) as object;

const listeners = [
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
              ...settings,
              http_filters: [
                { name: 'router', typed_config: { '@type': type('envoy.extensions.filters.http.router.v3.Router') } },
              ],
            },
          },
        ],
      },
    ],
  },
];

/** `one` is version 1 and in test, `two` version 2 and live. */
const versions = (name: string, { one = 0, two = 0 }: Readonly<Record<string, number>>): object => {
  const endpoint = (port: number, version: string, stage: string) => ({
    endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } },
    metadata: { filter_metadata: { 'envoy.lb': { version, stage } } },
  });
  const lb_endpoints = [endpoint(one, 'v1', 'test'), endpoint(two, 'v2', 'live')];
  return { name, type: 'STATIC', connect_timeout: '1s', load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints }] } };
};

const names = new Map<number, string>();
let envoy: OneEnvoy;
before(async () => {
  envoy = await startOneEnvoy(listeners, ['one', 'two'], (ports) => {
    for (const [name, port] of Object.entries(ports)) names.set(port, name);
    return [
      ...Object.entries(ports).map(([name, port]) => clusterAt(name, port)),
      clusterAt('nobody', undefined),
      {
        ...versions('versions', ports),
        lb_subset_config: {
          fallback_policy: 'DEFAULT_SUBSET',
          default_subset: { stage: 'live' },
          subset_selectors: [{ keys: ['version'] }, { keys: ['version', 'stage'] }],
        },
      },
      {
        ...versions('strict', ports),
        lb_subset_config: {
          subset_selectors: [
            { keys: ['version'] },
            { keys: ['stage', 'version'], fallback_policy: 'KEYS_SUBSET', fallback_keys_subset: ['version'] },
          ],
        },
      },
      {
        name: 'several',
        connect_timeout: '1s',
        lb_policy: 'CLUSTER_PROVIDED',
        cluster_type: {
          name: 'envoy.clusters.aggregate',
          typed_config: {
            '@type': type('envoy.extensions.clusters.aggregate.v3.ClusterConfig'),
            clusters: ['nobody', 'two', 'one'],
          },
        },
      },
    ];
  });
});
after(() => envoy[Symbol.asyncDispose]());

function said({ outcome }: Explanation): object {
  if (outcome.kind === 'forwarded') {
    const [target] = outcome.targets;
    if (target?.failure?.kind === 'answered') return own(target.failure);
    const first = target?.destination?.groups.find(({ share }) => share > 0)?.endpoints ?? [];
    return { server: first.length === 1 ? names.get(first[0]?.port ?? 0) : first };
  }
  return outcome.kind === 'answered' ? own(outcome) : outcome;
}

const own = ({ status, body, headers }: { status: number; body: string; headers: readonly (readonly [string, string])[] }) => ({
  status,
  body,
  why: headers.find(([name]) => name === 'x-why')?.[1],
  grpc: headers.find(([name]) => name === 'grpc-status')?.[1],
  message: headers.find(([name]) => name === 'grpc-message')?.[1],
});

const upgrade = (to: string): readonly (readonly [string, string])[] => [
  ['connection', 'keep-alive, Upgrade'],
  ['upgrade', to],
];
const grpc = ['content-type', 'application/grpc'] as const;

const asks: readonly Asked[] = [
  get('b', '/x'),
  get('b', '/x', [['x-teapot', 'yes']]),
  get('b', '/x', [grpc]),
  get('b', '/x', [grpc, ['x-teapot', 'yes']]),
  get('a', '/direct'),
  get('a', '/direct', [], { method: 'POST' }),
  get('a', '/redirect'),
  get('a', '/unknown'),
  get('a', '/nobody'),
  get('a', '/nobody', [grpc]),
  get('a', '/x'),
  get('a', '/x', upgrade('websocket')),
  get('a', '/no-socket', upgrade('WebSocket')),
  get('a', '/x', upgrade('other')),
  get('a', '/other', upgrade('other')),
  get('a', '/other', upgrade('third')),
  get('a', '/direct', upgrade('third')),
  get('a', '/direct', upgrade('websocket')),
  get('b', '/x', upgrade('third')),
  ...['v1', 'v2', 'both', 'stage', 'missing', 'none', 'strict', 'keys'].map((path) => get('a', `/subset/${path}`)),
  get('a', '/several'),
  get('a:80', 'a:80', [], { method: 'CONNECT' }),
  get('a:80', 'a:80', [['x-tunnel', '1']], { method: 'CONNECT' }),
];

for (const asked of asks) {
  test(`${asked.method} ${asked.host}${asked.path} ${asked.headers.map((each) => each.join(': ')).join('; ')}`, async () => {
    const { status, headers, body } = await envoy.ask('http', asked);
    const server = headers['x-server'];
    const really =
      server === undefined
        ? { status, body, why: headers['x-why'], grpc: headers['grpc-status'], message: headers['grpc-message'] }
        : { server };
    const explanation = envoy.explained('http', requestOf(asked));
    const expected = said(explanation);
    // Of an answer to CONNECT the client gives the status alone.
    if (asked.method === 'CONNECT') {
      assert.equal('status' in expected ? expected.status : 200, status);
      return;
    }
    assert.deepEqual(expected, really, explanation.steps.map(({ text }) => text).join('\n'));
  });
}

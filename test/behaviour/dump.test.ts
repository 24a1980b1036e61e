// A proxy's configuration and its config_dump are explained alike: every golden case is turned into a dump, and both are asked the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonValue } from '@bufbuild/protobuf';
import { resourcesJson, type ConfigurationJson } from '../../src/control/resource-json.ts';
import { compiledConfiguration, type ProxyConfiguration } from '../../src/explain/configuration.ts';
import { dumpedConfiguration } from '../../src/explain/dump.ts';
import { explain } from '../../src/explain/explain.ts';
import { plainAddress } from '../../src/explain/listener.ts';
import type { Request } from '../../src/explain/request.ts';
import { compileCase, goldenCases } from '../support/golden-case.ts';

/** As Envoy's admin interface answers, but for its names of fields. */
function dumpOf({ listeners, routes, clusters, endpoints }: ConfigurationJson): string {
  const typed = (type: string, resource: JsonValue) => ({ '@type': `type.googleapis.com/${type}`, ...(resource as object) });
  return JSON.stringify({
    configs: [
      { static_clusters: clusters.map((cluster) => ({ cluster: typed('envoy.config.cluster.v3.Cluster', cluster) })) },
      {
        dynamic_listeners: listeners.map((listener) => ({
          active_state: { listener: typed('envoy.config.listener.v3.Listener', listener) },
        })),
      },
      {
        dynamic_route_configs: routes.map((route) => ({
          route_config: typed('envoy.config.route.v3.RouteConfiguration', route),
        })),
      },
      { dynamic_endpoint_configs: endpoints.map((endpoint) => ({ endpoint_config: endpoint })) },
    ],
  });
}

/** To every place where the proxy listens, by every name that its tables have. */
function* requests(configuration: ProxyConfiguration): Generator<Request> {
  const source = { address: '10.0.0.99', identity: 'spiffe://cluster.local/ns/default/sa/default' };
  const hosts = configuration
    .routeNames()
    .flatMap((name) => configuration.route(name)?.virtualHosts.map(({ domains }) => domains.at(-1) ?? '') ?? []);
  for (const { address, name } of configuration.listeners) {
    const bound = address && plainAddress(address);
    if (bound === undefined || bound.port === 0) continue;
    const any = bound.address === '0.0.0.0' || bound.address === '::';
    const destination = { address: any ? '192.0.2.9' : bound.address, port: bound.port };
    const entry = name.startsWith('virtual') ? (name === 'virtualInbound' ? 'inbound' : 'outbound') : { port: bound.port };
    yield { kind: 'tcp', entry, destination, source };
    yield { kind: 'tcp', entry, destination, source, tls: { sni: 'a.example.com', alpn: ['istio'] } };
    for (const authority of hosts.slice(0, 20)) {
      yield {
        kind: 'http',
        entry,
        destination,
        source,
        version: 'HTTP/1.1',
        method: 'GET',
        authority: authority.replace('*', 'x'),
        path: '/a?b=c',
        headers: [['x-user', 'jason']],
      };
    }
  }
}

for (const golden of goldenCases()) {
  test(`${golden.name} is explained alike from its dump`, async () => {
    const { compiled } = compileCase(golden);
    const configuration = compiledConfiguration(compiled);
    const dumped = dumpedConfiguration(dumpOf(await resourcesJson(compiled)));
    if (typeof dumped === 'string') {
      assert.deepEqual([...compiled.listeners, ...compiled.clusters, ...compiled.routes], []);
      return;
    }
    const silent = { ...dumped, missing: dumped.missing.filter((each) => !each.startsWith('The dump has no endpoints')) };
    for (const request of requests(configuration)) {
      assert.deepEqual(explain(silent, request), explain({ ...configuration, listeners: configuration.listeners }, request));
    }
  });
}

// The read-only HTTP port: metrics, health, and what a person or a tool asks when configuration does not arrive.

import { memoryUsage } from 'node:process';
import { Hono, type Context } from 'hono';
import type { Registry } from 'prom-client';
import { kinds } from '../api/index.ts';
import { refOf, refText } from '../api/object.ts';
import type { Compiler, Configuration } from '../compile/configuration.ts';
import type { ResourceType } from '../compile/resource.ts';
import type { Store } from '../store/store.ts';
import type { Ads } from '../xds/ads.ts';
import type { ProxyDistribution } from '../xds/distribution.ts';
import { diagnosticLine } from './api/changes.ts';
import type { DiagnosticBoard } from './diagnostic-board.ts';
import { resourcesJson } from './resource-json.ts';

export interface DebugParts {
  readonly store: Store;
  readonly ads: Ads;
  readonly compiler: Compiler;
  readonly diagnostics: DiagnosticBoard;
  readonly registry: Registry;
  readonly ready: () => boolean;
  /** Milliseconds on the clock of `connectedSince`. */
  readonly clock: () => number;
}

const pages: Readonly<Record<string, string>> = {
  '/metrics': 'Prometheus metrics',
  '/healthz': 'the process answers',
  '/ready': 'every source is loaded and every port open',
  '/debug/proxies': 'connected proxies: what each was sent and has acknowledged, per type',
  '/debug/syncz': 'the same, in the shape of Istio’s page of that name',
  '/debug/adsz': 'connected proxies with their nodes',
  '/debug/config_dump?proxyID=': 'the configuration of a proxy (NAME.NAMESPACE or node id)',
  '/debug/edsz?proxyID=': 'its endpoints',
  '/debug/configz': 'mesh configuration objects in effect',
  '/debug/objects': 'every object in effect, by kind',
  '/debug/diagnostics': 'what is wrong with the configuration',
  '/debug/memory': 'memory, and what the xDS server keeps',
};

/** Kinds whose contents are nobody's business on an HTTP port. */
const secretKinds = new Set(['Secret', 'ConfigMap']);

export function debugApp(parts: DebugParts): Hono {
  const { store, ads, diagnostics, registry } = parts;
  const app = new Hono();
  app.get('/', (c) =>
    c.text(
      `${Object.entries(pages)
        .map(([path, what]) => `${path.padEnd(32)} ${what}`)
        .join('\n')}\n`,
    ),
  );
  app.get('/debug', (c) => c.redirect('/'));
  app.get('/metrics', async (c) => c.body(await registry.metrics(), 200, { 'content-type': registry.contentType }));
  app.get('/healthz', (c) => c.text('ok\n'));
  app.get('/ready', (c) => (parts.ready() ? c.text('ready\n') : c.text('not ready\n', 503)));

  app.get('/debug/proxies', (c) => c.json(ads.distribution.list().map((proxy) => proxyJson(proxy, parts))));
  app.get('/debug/syncz', (c) => c.json(ads.distribution.list().map(synczJson)));
  app.get('/debug/adsz', (c) => {
    const clients = ads.distribution.list().map((proxy) => ({
      connectionId: `${proxy.node.id}-${proxy.stream}`,
      connectedAt: connectedAt(proxy, parts),
      address: proxy.peer,
      metadata: proxy.node.metadata,
      watches: Object.fromEntries(proxy.types.map(({ type, resources }) => [type, resources])),
    }));
    return c.json({ totalClients: clients.length, clients });
  });
  app.get('/debug/config_dump', (c) => withProxy(c, parts, configurationJson));
  app.get('/debug/edsz', (c) => withProxy(c, parts, async (configuration) => (await configurationJson(configuration)).endpoints));
  app.get('/debug/configz', (c) =>
    c.json(
      kinds
        .filter(({ group }) => /istio\.io$|gateway\.networking/.test(group))
        .flatMap(({ group, kind }) =>
          store
            .kind(group, kind)
            .all()
            .map(({ body }) => body),
        ),
    ),
  );
  app.get('/debug/objects', (c) =>
    c.json(
      Object.fromEntries(
        kinds
          .map(
            ({ group, kind }) =>
              [
                kind,
                store
                  .kind(group, kind)
                  .all()
                  .map((object) => (secretKinds.has(kind) ? refText(refOf(object)) : object.body)),
              ] as const,
          )
          .filter(([, objects]) => objects.length > 0),
      ),
    ),
  );
  app.get('/debug/diagnostics', (c) => c.json(diagnostics.all().map(diagnosticLine)));
  app.get('/debug/memory', (c) => c.json({ ...memoryUsage(), xds: ads.stats() }));
  return app;
}

const connectedAt = ({ connectedSince }: ProxyDistribution, { clock }: DebugParts): string =>
  new Date(Date.now() - (clock() - connectedSince)).toISOString();

const proxyJson = (proxy: ProxyDistribution, parts: DebugParts) => ({
  id: proxy.node.id,
  namespace: proxy.node.namespace,
  identity: proxy.identity ?? '',
  peer: proxy.peer,
  protocol: proxy.protocol,
  connectedAt: connectedAt(proxy, parts),
  settled: proxy.settled,
  types: Object.fromEntries(proxy.types.map(({ type, ...rest }) => [type, rest])),
});

const textOr = (value: unknown, otherwise: string): string => (typeof value === 'string' ? value : otherwise);

/** A sent version counts as acknowledged only when the whole type is. */
const synczJson = ({ node, types }: ProxyDistribution) => ({
  cluster_id: textOr(node.metadata['CLUSTER_ID'], 'Kubernetes'),
  proxy: node.name,
  proxy_type: node.type,
  istio_version: textOr(node.metadata['ISTIO_VERSION'], ''),
  ...Object.fromEntries(
    types.flatMap(({ type, version, state }) => [
      [`${type}_sent`, state === 'pending' ? '' : version],
      [`${type}_acked`, state === 'acknowledged' ? version : ''],
    ]),
  ),
});

async function withProxy(
  c: Context,
  { ads, compiler }: DebugParts,
  show: (configuration: Configuration) => Promise<unknown>,
): Promise<Response> {
  const wanted = c.req.query('proxyID') ?? '';
  const proxy = ads.distribution.list().find(({ node }) => node.id === wanted || node.name === wanted);
  if (proxy === undefined)
    return c.json({ message: `no proxy ${wanted} is connected`, help: '/debug/proxies lists those that are' }, 404);
  return Response.json(await show(compiler.configurationFor(proxy.node).value));
}

/** All that a proxy may have; of secrets only the names. */
async function configurationJson(configuration: Configuration) {
  const read = (type: Extract<ResourceType, 'endpoint' | 'route'>, names: readonly string[]) =>
    names
      .map((name) => configuration[type === 'endpoint' ? 'endpoints' : 'route'](name).value)
      .filter((found) => found !== undefined);
  const json = await resourcesJson({
    listeners: [...configuration.listeners.value.values()],
    clusters: [...configuration.clusters.value.values()],
    endpoints: read('endpoint', configuration.endpointNames.value),
    routes: read('route', configuration.routeNames.value),
    secrets: [],
  });
  return { ...json, secrets: configuration.secretNames.value.map((name) => ({ name })) };
}

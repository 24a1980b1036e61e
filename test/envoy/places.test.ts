// Where calls go by place, on the real Envoy: the nearest servers while they are there, the next ones when they go, shares that a rule or
// Envoy itself gives to zones.

import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from '../../src/api/decode.ts';
import { originOf } from '../../src/api/object.ts';
import { createCompiler } from '../../src/compile/compile.ts';
import { serveGrpc } from '../../src/lib/grpc/server.ts';
import { Store } from '../../src/store/store.ts';
import { adsHandlers } from '../../src/xds/ads.ts';
import { request } from '../support/ask.ts';
import { until } from '../support/until.ts';
import { freePort, startEnvoy } from '../support/xds/real-envoy.ts';

/** The caller is in the first zone of the first region, and of the second tier. */
const zones = ['r1/z1', 'r1/z2', 'r2/z3', 'r3/z4'] as const;
type Zone = (typeof zones)[number];

/** Failed calls put their server out of use for a while. With a count of 1 Envoy leaves one that goes on failing in use the next time. */
const outlierDetection = { consecutive5xxErrors: 2, interval: '0.5s', baseEjectionTime: '2s', maxEjectionPercent: 100 };

describe('places on the real Envoy', { timeout: 60_000 }, () => {
  const stack = new AsyncDisposableStack();
  const store = new Store();
  const servers = new Map<Zone, Server>();
  const ports = new Map<Zone, number>();
  let door: number;

  const put = (kind: string, name: string, spec: object, annotations = {}): void => {
    const document = { apiVersion: 'networking.istio.io/v1', kind, metadata: { name, namespace: 'shop', annotations }, spec };
    const { object, diagnostics } = decode(document, originOf('test'));
    assert.ok(object, diagnostics.map(({ message }) => message).join('; '));
    store.upsert(object);
  };

  const entry = (name: string) => ({
    hosts: [`${name}.example`],
    resolution: 'STATIC',
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
  });
  /** A service with one server in each of these zones. */
  const service = (name: string, where: readonly Zone[], annotations = {}): void =>
    put(
      'ServiceEntry',
      name,
      {
        ...entry(name),
        endpoints: where.map((locality) => ({
          address: '127.0.0.1',
          ports: { http: ports.get(locality) },
          locality,
          labels: { tier: locality === 'r2/z3' ? 'gold' : 'tin' },
        })),
      },
      annotations,
    );
  const policy = (name: string, trafficPolicy: object): void =>
    put('DestinationRule', name, { host: `${name}.example`, trafficPolicy });

  const ask = async (name: string): Promise<string> => {
    const { status, body } = await request(`http://127.0.0.1:${door}/`, { headers: { host: `${name}.example` } });
    return status === 200 ? body : `${status} ${body}`;
  };
  /** How many of so many calls each zone answered. */
  const share = async (name: string, calls: number): Promise<Readonly<Record<string, number>>> => {
    const answers: Record<string, number> = {};
    for (let call = 0; call < calls; call++) {
      const answer = await ask(name);
      answers[answer] = (answers[answer] ?? 0) + 1;
    }
    return answers;
  };
  /** Calls until these zones, and no others, answer twenty calls in a row. */
  const answeredBy = async (name: string, ...wanted: readonly Zone[]): Promise<void> => {
    let last = {};
    await until(
      async () =>
        Object.keys((last = await share(name, 20)))
          .sort()
          .join() === wanted.toSorted().join(),
      () => `${wanted.join(' and ')} to answer for ${name}; the last answers were ${JSON.stringify(last)}`,
      20_000,
    );
  };

  const open = async (zone: Zone, port: number): Promise<void> => {
    const server = createServer((_, response) => response.setHeader('connection', 'close').end(zone)).listen(port, '0.0.0.0');
    await once(server, 'listening');
    servers.set(zone, server);
    ports.set(zone, (server.address() as AddressInfo).port);
  };
  const close = async (zone: Zone): Promise<void> => {
    const server = servers.get(zone);
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
  };

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lateen-places-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    for (const zone of zones) await open(zone, 0);
    stack.defer(async () => void (await Promise.all(zones.map(close))));
    door = await freePort();
    // Two of the caller's own kind in its zone and two in the next: by them Envoy knows what each zone's callers are.
    put('ServiceEntry', 'own', {
      ...entry('own'),
      endpoints: ['127.0.0.9', '127.0.0.10', '127.0.0.11', '127.0.0.12'].map((address, index) => ({
        address,
        locality: zones[index < 2 ? 0 : 1],
      })),
    });
    service('failover', zones);
    policy('failover', { outlierDetection, loadBalancer: { localityLbSetting: { failover: [{ from: 'r1', to: 'r3' }] } } });
    service('labels', zones);
    policy('labels', { outlierDetection, loadBalancer: { localityLbSetting: { failoverPriority: ['tier=gold'] } } });
    service('shares', zones);
    policy('shares', {
      loadBalancer: { localityLbSetting: { distribute: [{ from: 'r1/z1/*', to: { 'r1/z1/*': 70, 'r2/*': 30 } }] } },
    });
    service('anywhere', zones);
    put('ServiceEntry', 'selected', { ...entry('selected'), workloadSelector: { labels: { app: 'vm' } } });
    for (const address of ['127.0.0.1', 'nowhere.example'])
      put('WorkloadEntry', address, { address, ports: { http: ports.get('r1/z1') }, labels: { app: 'vm' } });
    service('close', zones, { 'networking.istio.io/traffic-distribution': 'PreferClose' });
    const zoneAware = { loadBalancer: { simple: 'ROUND_ROBIN', zoneAwareLbSetting: { enabled: true, minClusterSize: 1 } } };
    service('even', zones);
    policy('even', zoneAware);

    const path = join(folder, 'xds');
    const ads = stack.use(adsHandlers({ compiler: createCompiler(store), authorize: () => ({ identity: 'test' }) }));
    const grpc = await serveGrpc({ handlers: ads.handlers, listen: { path } });
    stack.defer(() => grpc.close());
    const node = {
      id: 'sidecar~127.0.0.9~caller.shop~shop.svc.cluster.local',
      cluster: 'caller',
      metadata: { NAMESPACE: 'shop', INTERCEPTION_MODE: 'NONE', HTTP_PROXY_PORT: String(door), ENABLE_SELF_DISCOVERY: 'true' },
      locality: { region: 'r1', zone: 'z1' },
    };
    stack.use(await startEnvoy(folder, path, 'delta', node));
    await until(
      async () => (await ask('anywhere')).startsWith('r'),
      () => 'the caller to have its configuration',
      20_000,
    );
  });

  after(() => stack.disposeAsync());

  it('without a rule that says when servers have failed, places are alike', async () => {
    await answeredBy('anywhere', ...zones);
  });

  it('a server that has a name for its address takes nothing from the others', async () => {
    await answeredBy('selected', 'r1/z1');
  });

  it('keeps to the zone, goes on to the region and to the region that takes over, and comes back', async () => {
    await answeredBy('failover', 'r1/z1');
    await close('r1/z1');
    await answeredBy('failover', 'r1/z2');
    await close('r1/z2');
    await answeredBy('failover', 'r3/z4');
    await open('r1/z2', ports.get('r1/z2') ?? 0);
    await answeredBy('failover', 'r1/z2');
    await open('r1/z1', ports.get('r1/z1') ?? 0);
    await answeredBy('failover', 'r1/z1');
  });

  it('prefers what has the label, wherever it is', async () => {
    await answeredBy('labels', 'r2/z3');
    await close('r2/z3');
    await answeredBy('labels', 'r1/z1', 'r1/z2', 'r3/z4');
    await open('r2/z3', ports.get('r2/z3') ?? 0);
    await answeredBy('labels', 'r2/z3');
  });

  it('gives each place its share', async () => {
    const { 'r1/z1': near = 0, 'r2/z3': far = 0, ...others } = await share('shares', 200);
    assert.deepEqual(others, {});
    assert.ok(near > 110 && near < 170, `${near} of 200 in the zone`);
    assert.equal(near + far, 200);
  });

  it('a service that is best called close by is, until its near endpoints go', async () => {
    await answeredBy('close', 'r1/z1');
    service('close', zones.slice(1), { 'networking.istio.io/traffic-distribution': 'PreferClose' });
    await answeredBy('close', 'r1/z2');
    service('close', zones.slice(2), { 'networking.istio.io/traffic-distribution': 'PreferClose' });
    await answeredBy('close', 'r2/z3', 'r3/z4');
    service('close', zones, { 'networking.istio.io/traffic-distribution': 'PreferClose' });
    await answeredBy('close', 'r1/z1');
  });

  it('lets Envoy keep calls in the zone as far as its servers are as many as its callers', async () => {
    await answeredBy('even', 'r1/z1');
    // Half of the callers are here, and a third of the region's servers: a third of this zone's calls goes to the other.
    const endpoint = (address: string, locality: Zone) => ({ address, ports: { http: ports.get(locality) }, locality });
    put('ServiceEntry', 'even', {
      ...entry('even'),
      endpoints: [endpoint('127.0.0.1', 'r1/z1'), endpoint('127.0.0.1', 'r1/z2'), endpoint('127.0.0.2', 'r1/z2')],
    });
    await answeredBy('even', 'r1/z1', 'r1/z2');
    const { 'r1/z1': near = 0, 'r1/z2': other = 0 } = await share('even', 300);
    assert.equal(near + other, 300);
    assert.ok(near > 150 && near < 250, `${near} of 300 in the zone`);
    service('even', zones.slice(1));
    await answeredBy('even', 'r1/z2');
  });
});

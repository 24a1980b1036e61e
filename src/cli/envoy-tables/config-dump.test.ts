import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { authority, leaf } from '../../../test/support/certificates.ts';
import { any, cellsOf, dumped, now, rowsOf } from '../../../test/support/envoy-dump.ts';
import { nowhere } from '../../explain/origins.ts';
import { bootstrapText } from './bootstrap.ts';
import { readConfigDump } from './config-dump.ts';

describe('readConfigDump', () => {
  const dumpText = (name: string): string => readFileSync(new URL(`../../../samples/dumps/${name}`, import.meta.url), 'utf8');

  it('reads what real Envoys answered, all of it', async () => {
    for (const name of ['sidecar-eager.json', 'sidecar-demand.json', 'gateway.json']) {
      const dump = await readConfigDump([dumpText(name)], [name]);
      assert.deepEqual(dump.notes, []);
      const shown = dump.shown(nowhere, now);
      for (const part of ['listeners', 'routes', 'clusters', 'endpoints'] as const) {
        assert.ok(dump.json[part].length > 0, `${name} ${part}`);
        // Nothing is left as Envoy wrote it.
        assert.doesNotMatch(JSON.stringify(dump.json[part].map((each) => Object.keys(each as object))), /_/);
        assert.ok(rowsOf(shown, part).length > 0, `${name} ${part}`);
      }
    }
  });

  it('turns names into those of protobuf-JSON, and keeps what nobody knows as it is', async () => {
    const unknown = any('istio.attributes.SomethingNew', { some_field: [1, { '@type': 'x/y' }] });
    const { json } = await dumped({
      static_clusters: [
        {
          cluster: any('envoy.config.cluster.v3.Cluster', {
            name: 'a',
            connect_timeout: '1s',
            transport_socket: { name: 't', typed_config: unknown },
          }),
        },
      ],
    });
    assert.deepEqual(json.clusters, [{ name: 'a', connectTimeout: '1s', transportSocket: { name: 't', typedConfig: unknown } }]);
  });

  it('takes the parts that istioctl prints, with protobuf’s own names', async () => {
    const clusters = JSON.stringify([{ name: 'outbound|80||a.example', type: 'STRICT_DNS', connectTimeout: '1s' }]);
    const routes = JSON.stringify({
      configs: [
        { dynamicRouteConfigs: [{ routeConfig: { name: '80', virtualHosts: [{ name: 'v', domains: ['a.example'] }] } }] },
      ],
    });
    const { json } = await readConfigDump([clusters, routes], ['c.json', 'r.json']);
    assert.deepEqual(json.clusters, [{ name: 'outbound|80||a.example', type: 'STRICT_DNS', connectTimeout: '1s' }]);
    assert.deepEqual(json.routes, [{ name: '80', virtualHosts: [{ name: 'v', domains: ['a.example'] }] }]);
  });

  it('says what Envoy refused and what it waits for', async () => {
    const { notes } = await dumped({
      dynamic_endpoint_configs: [{ endpoint_config: { cluster_name: 'a' } }],
      dynamic_listeners: [
        { name: 'bad', error_state: { details: 'no such filter' } },
        { name: 'late', warming_state: {} },
      ],
      dynamic_warming_clusters: [{ cluster: { name: 'slow' } }],
    });
    assert.deepEqual(notes, [
      'Envoy refused listener bad: no such filter',
      'Listener late waits for what it needs (routes, endpoints or secrets) and is not in effect yet.',
      'Cluster slow waits for what it needs (routes, endpoints or secrets) and is not in effect yet.',
    ]);
  });

  it('reads what is whole of a dump that is cut short, and refuses what is none', async () => {
    const text = dumpText('sidecar-eager.json');
    const cut = await readConfigDump([text.slice(0, text.length / 2)], ['cut']);
    assert.ok(cut.json.clusters.length > 0);
    assert.match(cut.notes[0] ?? '', /cut short/);
    await assert.rejects(readConfigDump(['[]'], ['x.json']), /x\.json is no dump that can be read/);
  });

  it('tells certificates without their keys, and what an Envoy was started with', async () => {
    const { cert, key } = await leaf(await authority('tests'), { uris: ['spiffe://cluster.local/ns/default/sa/a'] });
    const inline = (text: string) => ({ inline_bytes: Buffer.from(text).toString('base64') });
    const { json, bootstrap, shown } = await dumped({
      bootstrap: {
        node: {
          id: 'sidecar~10.0.0.1~a.default~x',
          cluster: 'a.default',
          metadata: { NAMESPACE: 'default' },
          user_agent_name: 'envoy',
        },
        admin: { address: { pipe: { path: '/run/admin.sock' } } },
        dynamic_resources: { ads_config: { api_type: 'DELTA_GRPC', grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }] } },
        static_resources: { clusters: [{ name: 'xds' }] },
      },
      dynamic_active_secrets: [
        { secret: { name: 'default', tls_certificate: { certificate_chain: inline(cert), private_key: inline(key) } } },
      ],
      dynamic_warming_secrets: [
        { secret: { name: 'kubernetes://shop/site-cacert', validation_context: { trusted_ca: { inline_bytes: '' } } } },
      ],
    });
    assert.equal(json.secrets.length, 2);
    const [own, ...others] = rowsOf(shown(nowhere, new Date()), 'secrets');
    assert.deepEqual(own?.slice(0, 4), ['default', 'certificate', 'valid', 'spiffe://cluster.local/ns/default/sa/a']);
    assert.ok(Date.parse(own?.[4] ?? '') > Date.now());
    const later = new Date(Date.now() + 10 * 86_400_000);
    assert.equal(rowsOf(shown(nowhere, later), 'secrets', { filters: { status: 'expired' } }).length, 1);
    assert.deepEqual(others, [['kubernetes://shop/site-cacert', 'trusted roots', 'not there yet', '-', '-', 'Secret/shop/site']]);
    assert.deepEqual(cellsOf(bootstrapText(bootstrap ?? null)), [
      ['OF', 'VALUE'],
      ['node', 'sidecar~10.0.0.1~a.default~x'],
      ['cluster', 'a.default'],
      ['version', 'envoy'],
      ['configuration from', 'xds'],
      ['admin', '/run/admin.sock'],
      ['static clusters', 'xds'],
      ['metadata NAMESPACE', 'default'],
    ]);
  });
});

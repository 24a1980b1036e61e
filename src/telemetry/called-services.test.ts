import assert from 'node:assert/strict';
import { test } from 'node:test';
import { record } from '../../test/support/records.ts';
import { calledServices, type HostIndex } from './called-services.ts';

const hosts: HostIndex = {
  service: (host, port) => {
    if (host === '10.96.0.7' && port === 5432) return { host: 'db.data.svc.cluster.local', namespace: 'data' };
    const [, namespace] = /^[^.]+\.([^.]+)\.svc\.cluster\.local$/.exec(host) ?? [];
    return namespace === undefined ? undefined : { host, namespace };
  },
  ruled: (host) => (host === 'shop.internal' ? { host, namespace: 'shop' } : undefined),
};
const reviews = 'reviews.default.svc.cluster.local';

test('counted clusters, clusters asked for and records make one entry per service', () => {
  const { services, outside } = calledServices(
    [
      { name: `outbound|9080||${reviews}`, calls: 3 },
      { name: `outbound|9080|v2|${reviews}`, calls: 2 },
      { name: 'outbound|5432||10.96.0.7', calls: 0 },
      { name: 'outbound|80||nowhere', calls: 0 },
      { name: 'PassthroughCluster', calls: 4 },
      { name: 'inbound|8080||', calls: 9 },
    ],
    [
      record('outbound', 'a', { cluster: `outbound|9081|v1|${reviews}`, virtualHost: `${reviews}:9080` }, 7000),
      record('outbound', 'a', { cluster: `outbound|9080||${reviews}` }, 5000),
      record('inbound', 'a', { cluster: 'inbound|8080||' }, 9000),
    ],
    hosts,
  );
  assert.deepEqual(services, [
    { host: 'db.data.svc.cluster.local', namespace: 'data', ports: [5432], subsets: [], calls: 0, last: undefined },
    {
      host: reviews,
      namespace: 'default',
      ports: [9080, 9081],
      subsets: ['v1', 'v2'],
      calls: 5,
      last: '1970-01-01T00:00:07.000Z',
    },
  ]);
  assert.deepEqual(outside, []);
});

test('a host that only a VirtualService has counts beside the service where its rules lead', () => {
  const said = { cluster: `outbound|9080||${reviews}`, virtualHost: 'shop.internal:80' };
  const { services } = calledServices([], [record('outbound', 'a', said)], hosts);
  assert.deepEqual(
    services.map(({ host, namespace }) => `${namespace}/${host}`),
    [`default/${reviews}`, 'shop/shop.internal'],
  );
});

test('what nobody declared is told apart', () => {
  const away = { cluster: 'PassthroughCluster', virtualHost: 'allow_any', endpoint: '93.184.216.34:80' };
  const { services, outside } = calledServices(
    [],
    [
      record('outbound', 'a', { ...away, authority: 'example.com' }),
      record('outbound', 'a', { ...away, local: '93.184.216.34:443' }),
    ],
    hosts,
  );
  assert.deepEqual(services, []);
  assert.deepEqual(outside, ['93.184.216.34:443', 'example.com']);
});

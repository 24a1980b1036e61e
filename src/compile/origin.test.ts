import assert from 'node:assert/strict';
import { test } from 'node:test';
import { originOf, pathOf, pathText, type ApiObject } from '../api/object.ts';
import { contentPath, indexPath } from './origin.ts';

const rule = (host: string, ...sniHosts: string[]) => ({
  route: [{ host }],
  match: sniHosts.map((name) => ({ sniHosts: [name] })),
});

const object = (...tls: object[]): ApiObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'one', namespace: 'a', labels: {}, annotations: {} },
  body: { spec: { tls } },
  origin: originOf('test'),
});

const second = ['spec', 'tls', 1, 'match', 0] as const;

test('a path by content stays what it is while others come and change, and leads back to where its item is', () => {
  const before = object(rule('x', 'a'), rule('y', 'b'));
  const path = contentPath(before, second);
  assert.deepEqual(indexPath(before, path), second);
  const after = object(rule('new', 'n'), rule('x', 'a'), rule('y', 'c', 'b'));
  assert.deepEqual(contentPath(after, ['spec', 'tls', 2, 'match', 1]), path);
  assert.deepEqual(indexPath(after, path), ['spec', 'tls', 2, 'match', 1]);
  assert.deepEqual(pathOf(pathText(path)), path);
});

test('of items that differ only in where the path goes on the one is found that it goes on to', () => {
  const alike = object(rule('x', 'a'), rule('x', 'b'));
  assert.deepEqual(indexPath(alike, contentPath(alike, second)), second);
});

test('an item that has a port of a name is told by that, whatever else of it changes', () => {
  const server = (name: string, ...hosts: string[]) => ({ port: { number: 443, name, protocol: 'HTTPS' }, hosts });
  const gateway = (...servers: object[]) => ({ ...object(), body: { spec: { servers } } });
  const path = contentPath(gateway(server('https-a', 'a')), ['spec', 'servers', 0]);
  assert.equal(pathText(path), 'spec.servers[~https-a]');
  assert.deepEqual(indexPath(gateway(server('https-b', 'b'), server('https-a', 'a', 'c')), path), ['spec', 'servers', 1]);
});

test('the order of fields means nothing', () => {
  const turned = object({}, { match: [{ sniHosts: ['b'] }], route: [{ host: 'y' }] });
  assert.deepEqual(contentPath(turned, second), contentPath(object({}, rule('y', 'b')), second));
});

test('what is gone, or of an object that is not known, leads to the list that it was in; other paths stay as they are', () => {
  const path = contentPath(object({}, rule('y', 'b')), second);
  assert.deepEqual(indexPath(object(rule('y', 'c')), path), ['spec', 'tls']);
  assert.deepEqual(indexPath(undefined, path), ['spec', 'tls']);
  assert.deepEqual(indexPath(object(), ['spec', 'http', 3]), ['spec', 'http', 3]);
});

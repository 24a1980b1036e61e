import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { RouteConfigurationSchema } from '../../gen/envoy/config/route/v3/route_pb.js';
import { virtualHostFor } from './domains.ts';

const names = ['a.example.com', '*.example.com', '*.com', 'www.*', 'www.example.*', '*-x.example.com', '[::1]', '*'];
const table = (ignorePortInHostMatching: boolean) =>
  create(RouteConfigurationSchema, {
    ignorePortInHostMatching,
    virtualHosts: names.map((domain) => ({ name: domain, domains: [domain] })),
  });

const cases: readonly (readonly [host: string, found: string])[] = [
  ['a.example.com', 'a.example.com'],
  ['A.Example.COM', 'a.example.com'],
  ['b.example.com', '*.example.com'],
  ['b-x.example.com', '*-x.example.com'],
  ['example.com', '*.com'],
  ['.example.com', '*.com'],
  ['www.example.org', 'www.example.*'],
  ['www.other.org', 'www.*'],
  // A suffix before a prefix.
  ['www.example.com', '*.example.com'],
  ['other', '*'],
];
for (const [host, found] of cases) {
  test(`${host} means ${found}`, () => assert.equal(virtualHostFor(table(false), host)?.domain, found));
}

test('a port counts only where the table looks at it', () => {
  assert.equal(virtualHostFor(table(true), 'a.example.com:80')?.domain, 'a.example.com');
  assert.equal(virtualHostFor(table(true), '[::1]:80')?.domain, '[::1]');
  assert.equal(virtualHostFor(table(false), 'a.example.com:80')?.domain, '*');
});

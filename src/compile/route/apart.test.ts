import { test } from 'node:test';
import assert from 'node:assert/strict';
import { fromBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.js';
import { VirtualHostSchema } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { formOfVersion, tableApart } from './apart.ts';
import { tableBridge } from './bridge.ts';
import { routeTable } from './table.ts';
import { virtualHostPiece } from './virtual-host.ts';

type Init = Exclude<MessageInitShape<typeof VirtualHostSchema>, { readonly $typeName: string }>;

const host = (name: string, domains: string[], more: Partial<Init> = {}) =>
  virtualHostPiece(
    {
      name,
      domains,
      routes: [
        { name, match: { pathSpecifier: { case: 'prefix', value: '/' } }, action: { case: 'nonForwardingAction', value: {} } },
      ],
      ...more,
    },
    [],
  );

const table = (...hosts: ReturnType<typeof host>[]) =>
  routeTable('80', { ignorePortInHostMatching: true }, [...hosts, host('rest', ['*'])]);

test('a host is the same host under its own name, and names within a table are different', () => {
  const apart = tableApart(table(host('a', ['a']), host('b/c', ['b']), host('a', ['other'])));
  const read = [...(apart?.hosts ?? [])].map(
    ([key, { name, bytes }]) => [key, name, fromBinary(VirtualHostSchema, bytes)] as const,
  );
  assert.deepEqual(
    read.map(([key, name, message]) => [key, name, message.name, message.domains]),
    [
      ['80/a', '80/a', '80/a', ['a']],
      ['80/b_c', '80/b_c', '80/b_c', ['b']],
      ['80/a~2', '80/a~2', '80/a~2', ['other']],
    ],
  );
});

test('a head is the table less its hosts, and the same as long as only hosts change', () => {
  const [one, other] = [table(host('a', ['a'])), table(host('a', ['a', 'b']), host('c', ['c']))].map((each) => tableApart(each));
  const head = fromBinary(RouteConfigurationSchema, one?.head.bytes ?? new Uint8Array());
  assert.deepEqual(
    [
      head.name,
      head.ignorePortInHostMatching,
      head.virtualHosts.map(({ name }) => name),
      head.vhds?.configSource?.initialFetchTimeout?.seconds,
    ],
    ['80', true, ['rest'], 0n],
  );
  assert.equal(one?.head.version, other?.head.version);
  assert.equal(formOfVersion(one?.head.version ?? ''), 'apart');
});

test('a bridge has every route for its host’s names, whole names first, then the longest endings', () => {
  const bridge = tableBridge(table(host('wild', ['*.x', 'a.*']), host('longer', ['*.in.x']), host('plain', ['a.x', 'b.x'])));
  const [only] = fromBinary(RouteConfigurationSchema, bridge?.bytes ?? new Uint8Array()).virtualHosts;
  const guards = only?.routes.map(({ name, match, action }) => {
    const specifier = match?.headers[0]?.headerMatchSpecifier;
    const pattern = specifier?.case === 'stringMatch' ? specifier.value.matchPattern : undefined;
    return [name || action.case, pattern?.case === 'safeRegex' ? pattern.value.regex : ''];
  });
  const port = '(?::[0-9]+)?';
  assert.deepEqual(guards, [
    ['plain', `(?i)(?:a\\.x|b\\.x)${port}`],
    ['no_route', `(?i)(?:a\\.x|b\\.x)${port}`],
    ['longer', `(?i)(?:.+\\.in\\.x)${port}`],
    ['no_route', `(?i)(?:.+\\.in\\.x)${port}`],
    ['wild', `(?i)(?:.+\\.x)${port}`],
    ['no_route', `(?i)(?:.+\\.x)${port}`],
    ['wild', `(?i)(?:a\\..+)${port}`],
    ['no_route', `(?i)(?:a\\..+)${port}`],
    ['rest', ''],
  ]);
  assert.equal(formOfVersion(bridge?.version ?? ''), 'bridge');
});

test('there is no bridge where a host says more than its routes', () => {
  assert.equal(tableBridge(table(host('a', ['a'], { requestHeadersToRemove: ['x'] }))), undefined);
  assert.equal(tableBridge(table(host('a', ['a'], { includeRequestAttemptCount: true }))), undefined);
  assert.notEqual(tableBridge(table(host('a', ['a'], { metadata: { filterMetadata: { a: {} } } }))), undefined);
});

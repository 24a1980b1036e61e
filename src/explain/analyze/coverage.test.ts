// What is said to be covered is held against the interpreter of Envoy's routes: no request may reach the later of two matches.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { VirtualHostSchema } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { routeMatch } from '../../compile/route/match.ts';
import type { HttpMatch, PathMatch, StringMatch } from '../../mesh/route.ts';
import { headersOf } from '../headers.ts';
import type { Passage } from '../passage.ts';
import type { HttpRequest } from '../request.ts';
import { chooseRoute } from '../route-match.ts';
import { covers } from './coverage.ts';

const paths = ['/', '/a', '/A', '/a/', '/ab', '/a/b', '/a/B', '/a/b/c', '/ac', '/a.b', '/17'];
const values = ['', 'a', 'ab', 'b', 'A'];
const expressions = ['.*', '/a.*', '/a', '/(a|b)', '/a/b?', '/a\\.b', '/[0-9]+', '/a/.+', '(?i)/a', '/a{1,2}', '/a+b'];

const path = fc.oneof(
  fc.constant(undefined),
  fc.constantFrom<PathMatch>({ kind: 'present' }),
  fc.record({
    kind: fc.constantFrom('exact', 'prefix', 'segments'),
    value: fc.constantFrom('/', '/a', '/A', '/a/b', '/ab', '/a/'),
  }),
  fc.record({ kind: fc.constant('regex'), value: fc.constantFrom(...expressions) }),
) as fc.Arbitrary<PathMatch | undefined>;
const condition = fc.oneof(
  fc.constant({ kind: 'present' }),
  fc.record({ kind: fc.constantFrom('exact', 'prefix'), value: fc.constantFrom('a', 'ab', 'b') }),
  fc.record({ kind: fc.constant('regex'), value: fc.constantFrom('a.*', 'a', '(a|b)', '.+') }),
) as fc.Arbitrary<StringMatch>;
const named = (...names: string[]) =>
  fc.uniqueArray(fc.tuple(fc.constantFrom(...names), condition), { maxLength: 2, selector: ([name]) => name.toLowerCase() });
const match: fc.Arbitrary<HttpMatch> = fc.record({
  port: fc.constant(undefined),
  sourceLabels: fc.constant({}),
  sourceNamespace: fc.constant(undefined),
  gateways: fc.constant([]),
  name: fc.constant(''),
  uri: path,
  ignoreUriCase: fc.boolean(),
  scheme: fc.constant(undefined),
  method: fc.option(
    fc.constantFrom<StringMatch>({ kind: 'exact', value: 'GET' }, { kind: 'prefix', value: 'G' }, { kind: 'present' }),
    { nil: undefined },
  ),
  authority: fc.constant(undefined),
  headers: named('x', 'X', 'y'),
  withoutHeaders: named('x', 'y'),
  queryParams: named('q', 'p'),
  statPrefix: fc.constant(''),
  path: fc.constant([]),
});
const query = fc.uniqueArray(fc.tuple(fc.constantFrom('q', 'p'), fc.constantFrom(...values)), {
  maxLength: 2,
  selector: ([name]) => name,
});
const request: fc.Arbitrary<HttpRequest> = fc
  .record({
    path: fc.constantFrom(...paths),
    query,
    method: fc.constantFrom('GET', 'POST'),
    headers: fc.uniqueArray(fc.tuple(fc.constantFrom('x', 'y'), fc.constantFrom(...values)), {
      maxLength: 2,
      selector: ([name]) => name,
    }),
  })
  .map(({ path: text, query: asked, method, headers }) => ({
    kind: 'http',
    entry: 'outbound',
    destination: { address: '10.0.0.1', port: 80 },
    source: { address: '10.0.0.2' },
    version: 'HTTP/1.1',
    method,
    authority: 'a',
    path: asked.length === 0 ? text : `${text}?${asked.map(([name, value]) => `${name}=${value}`).join('&')}`,
    headers,
  }));

const passage = { ended: undefined, metadata: new Map() } as unknown as Passage;

test('no request reaches a match that another covers', () => {
  let covered = 0;
  fc.assert(
    fc.property(match, match, fc.array(request, { minLength: 20, maxLength: 20 }), (outer, inner, requests) => {
      if (!covers(outer, inner)) return;
      covered++;
      const routes = [outer, inner].map((each) => ({ match: routeMatch(each) }));
      const host = create(VirtualHostSchema, { routes } as never);
      for (const one of requests)
        assert.notEqual(chooseRoute(host, headersOf(one), passage).index, 1, JSON.stringify([outer, inner, one]));
    }),
    { numRuns: 6000 },
  );
  assert.ok(covered > 100, `only ${covered} pairs were covered`);
});

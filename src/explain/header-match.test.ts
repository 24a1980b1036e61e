// Conditions on headers and queries that nobody wrote down: what is taken of one is true of all that follow from it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { HeaderMatcherSchema, QueryParameterMatcherSchema } from '../../gen/envoy/config/route/v3/route_components_pb.js';
import { everyCase } from './doubt.ts';
import { headerMatches, queryMatches } from './header-match.ts';
import { headersOf } from './headers.ts';
import type { HttpRequest } from './request.ts';

const request: HttpRequest = {
  kind: 'http',
  entry: 'outbound',
  destination: { address: '10.0.0.1', port: 80 },
  source: { address: '10.0.0.2' },
  version: 'HTTP/1.1',
  method: 'GET',
  authority: 'a',
  path: '/',
  headers: [['known', 'yes']],
};

const exact = (name: string, value: string, invertMatch = false) =>
  create(HeaderMatcherSchema, {
    name,
    invertMatch,
    headerMatchSpecifier: { case: 'stringMatch', value: { matchPattern: { case: 'exact', value } } },
  });
const present = (name: string, value = true) =>
  create(HeaderMatcherSchema, { name, headerMatchSpecifier: { case: 'presentMatch', value } });

const outcomes = (...matchers: readonly ReturnType<typeof exact>[]): string[] =>
  [
    ...new Set(
      everyCase((doubt) => {
        const headers = headersOf({ ...request, doubt });
        return matchers.map((matcher) => (headerMatches(matcher, headers) ? 'yes' : 'no')).join(' ');
      })?.map(({ result }) => result),
    ),
  ].sort();

test('a header that is known is not doubted', () => {
  assert.deepEqual(outcomes(exact('known', 'yes'), exact('known', 'no'), present('known')), ['yes no yes']);
  assert.deepEqual(outcomes(exact(':method', 'GET'), exact('host', 'a')), ['yes yes']);
});

test('one value is not another', () =>
  assert.deepEqual(outcomes(exact('user', 'jason'), exact('user', 'anna')), ['no no', 'no yes', 'yes no']));

test('a value is there, and what is not there has none', () => {
  assert.deepEqual(outcomes(exact('user', 'jason'), present('user')), ['no no', 'no yes', 'yes yes']);
  assert.deepEqual(outcomes(present('user'), exact('user', 'jason')), ['no no', 'yes no', 'yes yes']);
  assert.deepEqual(outcomes(present('user', false), exact('user', 'jason')), ['no no', 'no yes', 'yes no']);
});

test('not a value is another value, and no header matches nothing', () =>
  assert.deepEqual(outcomes(exact('user', 'jason', true), present('user')), ['no no', 'no yes', 'yes yes']));

test('a query that nobody wrote down has a parameter or has not', () => {
  const matcher = create(QueryParameterMatcherSchema, {
    name: 'beta',
    queryParameterMatchSpecifier: { case: 'stringMatch', value: { matchPattern: { case: 'exact', value: '1' } } },
  });
  const of = (path: string) => everyCase((doubt) => queryMatches(matcher, headersOf({ ...request, path, doubt })));
  assert.deepEqual(
    of('/')?.map(({ result }) => result),
    [false, true],
  );
  assert.deepEqual(
    of('/?beta=1')?.map(({ result }) => result),
    [true],
  );
});

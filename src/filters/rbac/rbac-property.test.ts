// For any policies and any request, Envoy's RBAC decides as the policies say.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AuthorizationPolicy } from '../../api/authorization-policy.ts';
import { httpRbac, tcpRbac } from './rbac.ts';
import { verdict } from './test-evaluator.ts';
import { httpRequest, spec, tcpConnection, wildSpec } from './test-generators.ts';
import { allows } from './test-oracle.ts';
import { context, policy } from './test-policies.ts';

type Spec = AuthorizationPolicy['spec'];

const runs = { numRuns: 800 };

test('HTTP: the filters decide as the policies say', () => {
  const seen = new Set<boolean>();
  fc.assert(
    fc.property(
      fc.array(spec, { minLength: 1, maxLength: 3 }),
      fc.array(httpRequest, { minLength: 4, maxLength: 4 }),
      (specs, requests) => {
        const { filters, diagnostics } = httpRbac(named(specs), context);
        assert.deepEqual(diagnostics, []);
        for (const asked of requests) {
          const expected = allows(specs, asked);
          seen.add(expected);
          assert.equal(verdict(filters, asked).allowed, expected);
        }
      },
    ),
    runs,
  );
  assert.equal(seen.size, 2);
});

test('TCP: the filters decide as the policies say, without what TCP connections lack', () => {
  const seen = new Set<boolean>();
  fc.assert(
    fc.property(
      fc.array(spec, { minLength: 1, maxLength: 3 }),
      fc.array(tcpConnection, { minLength: 4, maxLength: 4 }),
      (specs, connections) => {
        const { filters } = tcpRbac(named(specs), context);
        for (const asked of connections) {
          const expected = allows(specs, asked);
          seen.add(expected);
          assert.equal(verdict(filters, asked).allowed, expected);
        }
      },
    ),
    runs,
  );
  assert.equal(seen.size, 2);
});

test('any words in any field: no exception, and the same bytes each time', () => {
  fc.assert(
    fc.property(wildSpec, (made) => {
      const bytes = () => httpRbac([policy(made)], context).filters.map(({ config }) => config.value);
      assert.deepEqual(bytes(), bytes());
    }),
    { numRuns: 200 },
  );
});

const named = (specs: readonly Spec[]) => specs.map((of, index) => policy(of, `p${index}`));

// What policies become is decided here as by the evaluator that the real Envoy agrees with (test/envoy/rbac.test.ts).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { RBACSchema as HttpRbacSchema } from '../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { RBACSchema as NetworkRbacSchema } from '../../gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import type { NamedFilter } from '../filters/filter.ts';
import { httpRbac, tcpRbac } from '../filters/rbac/rbac.ts';
import { verdict, type TestRequest } from '../filters/rbac/test-evaluator.ts';
import { httpRequest, spec, tcpConnection } from '../filters/rbac/test-generators.ts';
import { context, policy } from '../filters/rbac/test-policies.ts';
import type { Asked } from './asked.ts';
import { headerName } from './headers.ts';
import { everyWay } from './chance.ts';
import { nowhere } from './origins.ts';
import { passageOf, type Passage } from './passage.ts';
import { authorize } from './rbac.ts';
import { typedConfig } from './typed-config.ts';

const askedOf = ({ identity, peer, remote, destination, port, sni, headers, metadata }: TestRequest): Asked => ({
  local: { address: destination, port },
  peer,
  remote,
  sni,
  tls: identity !== undefined,
  identity,
  metadata: new Map(Object.entries(metadata) as [string, JsonObject][]),
  state: new Map(),
  headers: headers && new Map(Object.entries(headers).map(([name, values]) => [headerName(name), [...values]])),
});

function passage(): Passage {
  const configuration = {
    listeners: [],
    route: () => undefined,
    cluster: () => undefined,
    endpoints: () => undefined,
    clusterNames: () => [],
    routeNames: () => [],
    missing: [],
  };
  const request = { kind: 'tcp', entry: 'inbound', destination: { address: '', port: 0 }, source: { address: '' } } as const;
  return everyWay((chance) => passageOf(configuration, request, nowhere, chance))[0].result;
}

/** The first refusal of a chain of filters, as Envoy names it. */
function refusal(filters: readonly NamedFilter[], asked: Asked): string | undefined {
  for (const { name, config } of filters) {
    const rules = typedConfig(HttpRbacSchema, config) ?? typedConfig(NetworkRbacSchema, config);
    const denied = rules && authorize(passage(), name, rules, asked);
    if (denied !== undefined) return denied;
  }
  return undefined;
}

const specs = fc.array(spec, { minLength: 1, maxLength: 3 });

const agrees = (filters: readonly NamedFilter[], request: TestRequest): void => {
  const { allowed, policy: key = 'none' } = verdict(filters, request);
  assert.equal(refusal(filters, askedOf(request)), allowed ? undefined : `rbac_access_denied_matched_policy[${key}]`);
};

test('requests are let in and refused as Envoy does, by the same rule', () => {
  fc.assert(
    fc.property(specs, httpRequest, (of, request) =>
      agrees(
        httpRbac(
          of.map((each, index) => policy(each, `p${index}`)),
          context,
        ).filters,
        request,
      ),
    ),
    { numRuns: 500 },
  );
});

test('so are connections', () => {
  fc.assert(
    fc.property(specs, tcpConnection, (of, request) =>
      agrees(
        tcpRbac(
          of.map((each, index) => policy(each, `p${index}`)),
          context,
        ).filters,
        request,
      ),
    ),
    { numRuns: 300 },
  );
});

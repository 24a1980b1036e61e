// Policies from YAML, for tests.

import { parse } from 'yaml';
import type { AuthorizationPolicy } from '../../api/authorization-policy.ts';
import type { ApiObject } from '../../api/object.ts';
import { meshConfigDefaults } from '../../api/mesh-config.ts';
import { authorization, type Authorization } from '../../mesh/authorization.ts';
import type { RbacContext } from './rbac.ts';
import type { TestRequest } from './test-evaluator.ts';

/** A policy `foo/NAME` whose spec is given as YAML or as a value. Fields stand on line 1 + the length of their path. */
export function policy(
  spec: string | AuthorizationPolicy['spec'],
  name = 'p',
  annotations: Record<string, string> = {},
): Authorization {
  const object: ApiObject<AuthorizationPolicy> = {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name, namespace: 'foo', labels: {}, annotations },
    body: { spec: typeof spec === 'string' ? ((parse(spec) ?? {}) as AuthorizationPolicy['spec']) : spec },
    origin: { source: 'policy.yaml', position: (path) => ({ line: 1 + path.length, column: 1 }) },
  };
  return authorization(object);
}

export const context: RbacContext = { ...meshConfigDefaults(), trustDomain: 'td1', trustDomainAliases: ['td2'] };

interface RequestChanges extends Partial<Omit<TestRequest, 'headers'>> {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, readonly string[]>>;
}

/** GET http://httpbin.foo/get from foo's sleep, changed. */
export function request({
  method = 'GET',
  path = '/get',
  host = 'httpbin.foo',
  headers = {},
  ...rest
}: RequestChanges = {}): TestRequest {
  return {
    ...connection(rest),
    headers: { ':method': [method], ':path': [path], ':authority': [host], ...headers },
  };
}

export const connection = (changes: Partial<TestRequest> = {}): TestRequest => ({
  identity: 'spiffe://td1/ns/foo/sa/sleep',
  peer: '10.0.0.1',
  remote: '10.0.0.1',
  destination: '10.0.0.9',
  port: 8000,
  sni: '',
  headers: undefined,
  metadata: {},
  ...changes,
});

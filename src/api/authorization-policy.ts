// AuthorizationPolicy: who may call what (security.istio.io). Read by mesh/authorization.

import type { Static } from 'typebox';
import { action, rules } from './authorization-checks.ts';
import { defineKind } from './kind.ts';
import { choice, list, message, nonEmpty, text, textOf } from './schema.ts';
import { documentOf, istioSecurity } from './shared/document.ts';
import { policyTarget } from './shared/selector.ts';
import { checkTarget } from './shared/target.ts';

const serviceAccounts = list(textOf({ maxLength: 320 }), { maxItems: 16 });

const Source = message(
  {},
  {
    principals: list(text),
    notPrincipals: list(text),
    requestPrincipals: list(text),
    notRequestPrincipals: list(text),
    namespaces: list(text),
    notNamespaces: list(text),
    serviceAccounts,
    notServiceAccounts: serviceAccounts,
    ipBlocks: list(text),
    notIpBlocks: list(text),
    remoteIpBlocks: list(text),
    notRemoteIpBlocks: list(text),
    trustDomains: list(text),
    notTrustDomains: list(text),
  },
);
export type Source = Static<typeof Source>;

const Operation = message(
  {},
  {
    hosts: list(text),
    notHosts: list(text),
    ports: list(text),
    notPorts: list(text),
    methods: list(text),
    notMethods: list(text),
    paths: list(text),
    notPaths: list(text),
  },
);
export type Operation = Static<typeof Operation>;

const Condition = message({ key: nonEmpty }, { values: list(text), notValues: list(text) });
export type Condition = Static<typeof Condition>;

const Rule = message(
  {},
  {
    from: list(message({}, { source: Source }), { maxItems: 512 }),
    to: list(message({}, { operation: Operation }), { maxItems: 512 }),
    when: list(Condition),
  },
);
export type Rule = Static<typeof Rule>;

const Spec = message(
  {},
  {
    ...policyTarget,
    action: choice('ALLOW', 'DENY', 'AUDIT', 'CUSTOM'),
    provider: message({}, { name: text }),
    rules: list(Rule, { maxItems: 512 }),
  },
);

const schema = documentOf(Spec);
export type AuthorizationPolicy = Static<typeof schema>;

export const authorizationPolicy = defineKind({
  ...istioSecurity,
  kind: 'AuthorizationPolicy',
  plural: 'authorizationpolicies',
  shortNames: ['ap'],
  schema,
  checks: [({ spec }) => checkTarget(spec), action, rules],
  columns: [{ name: 'Action', path: ['spec', 'action'] }],
  inEffect: true,
});

// RequestAuthentication: which JSON web tokens are taken, and from where (security.istio.io).

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { jwtRules } from './request-authentication-checks.ts';
import { bool, duration, list, message, nonEmpty, pattern, text, textOf } from './schema.ts';
import { documentOf, istioSecurity } from './shared/document.ts';
import { policyTarget } from './shared/selector.ts';
import { checkTarget } from './shared/target.ts';

const ClaimToHeader = message(
  { header: pattern('^[-_A-Za-z0-9]+$', 'a header name of letters, digits, - and _'), claim: nonEmpty },
  {},
);

const JWTRule = message(
  {},
  {
    issuer: text,
    audiences: list(text),
    jwksUri: textOf({ maxLength: 2048 }),
    jwks: text,
    fromHeaders: list(message({ name: nonEmpty }, { prefix: text })),
    fromParams: list(text),
    fromCookies: list(text),
    outputPayloadToHeader: text,
    outputClaimToHeaders: list(ClaimToHeader),
    forwardOriginalToken: bool,
    timeout: duration,
    spaceDelimitedClaims: list(text, { maxItems: 64 }),
  },
);
export type JWTRule = Static<typeof JWTRule>;

const Spec = message({}, { ...policyTarget, jwtRules: list(JWTRule, { maxItems: 4096 }) });

const schema = documentOf(Spec);
export type RequestAuthentication = Static<typeof schema>;

export const requestAuthentication = defineKind({
  ...istioSecurity,
  kind: 'RequestAuthentication',
  plural: 'requestauthentications',
  shortNames: ['ra'],
  schema,
  checks: [({ spec }) => checkTarget(spec), jwtRules],
  columns: [],
  inEffect: false,
});

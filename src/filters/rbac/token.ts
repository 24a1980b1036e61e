// Conditions on the request's token (`requestPrincipals`, `request.auth.*`) → matchers on what the JWT filter leaves behind. Without
// that filter, or without a token, nothing is there: positive conditions do not hold, negative ones do.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { MetadataMatcherSchema } from '../../../gen/envoy/type/matcher/v3/metadata_pb.js';
import type { ValueMatcherSchema } from '../../../gen/envoy/type/matcher/v3/value_pb.js';
import { exact, prefix, present, stringPattern, suffix, type StringMatcherInit } from './value-pattern.ts';

export type MetadataMatcherInit = MessageInitShape<typeof MetadataMatcherSchema>;
type ValueMatcherInit = MessageInitShape<typeof ValueMatcherSchema>;

/** The text itself. */
export const textValue = (matcher: StringMatcherInit): ValueMatcherInit => ({
  matchPattern: { case: 'stringMatch', value: matcher },
});

/** A list that holds the text. */
export const listValue = (matcher: StringMatcherInit): ValueMatcherInit => ({
  matchPattern: { case: 'listMatch', value: { matchPattern: { case: 'oneOf', value: textValue(matcher) } } },
});

export const metadata = (filter: string, path: readonly string[], value: ValueMatcherInit): MetadataMatcherInit => ({
  filter,
  path: path.map((key) => ({ segment: { case: 'key', value: key } })),
  value,
});

const inToken = (claim: readonly string[], value: ValueMatcherInit): MetadataMatcherInit =>
  metadata('envoy.filters.http.jwt_authn', ['payload', ...claim], value);

/** A claim that is the value, or a list that holds it. */
export const claim = (name: readonly string[], value: string): MetadataMatcherInit => claimMatcher(name, stringPattern(value));

/** The same, of any condition on its text. */
export function claimMatcher(name: readonly string[], matcher: StringMatcherInit): MetadataMatcherInit {
  return inToken(name, { matchPattern: { case: 'orMatch', value: { valueMatchers: [textValue(matcher), listValue(matcher)] } } });
}

/** A request principal `ISSUER/SUBJECT`: issuer and subject must both match. */
export function requestPrincipal(value: string): readonly [issuer: MetadataMatcherInit, subject: MetadataMatcherInit] {
  const [issuer, subject] = issuerAndSubject(value);
  return [inToken(['iss'], textValue(issuer)), inToken(['sub'], textValue(subject))];
}

function issuerAndSubject(value: string): readonly [StringMatcherInit, StringMatcherInit] {
  // Issuers are often URLs, so the last slash parts the two.
  const slash = value.lastIndexOf('/');
  const [issuer, subject] = slash < 0 ? [value, undefined] : [value.slice(0, slash), value.slice(slash + 1)];
  if (value === '*') return [present, present];
  if (value.startsWith('*')) {
    if (subject === undefined) return [present, suffix(value.slice(1))];
    return [issuer === '*' ? present : suffix(issuer.slice(1)), exact(subject)];
  }
  if (value.endsWith('*')) {
    if (subject === undefined) return [prefix(value.slice(0, -1)), present];
    return [exact(issuer), subject === '*' ? present : prefix(subject.slice(0, -1))];
  }
  return [exact(issuer), exact(subject ?? '')];
}

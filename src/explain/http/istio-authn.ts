// Istio's own filter for identities, of versions before 1.21: it notes who calls, from the certificate and the token, for authorization.

import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { HttpFilter } from './exchange.ts';

export const istioAuthn: HttpFilter = ({ exchange }) => {
  const { metadata, ended } = exchange.passage;
  const principal = ended?.identity?.replace(/^spiffe:\/\//, '');
  const [, namespace] = /\/ns\/([^/]+)\/sa\//.exec(principal ?? '') ?? [];
  const payloads = Object.values(metadata.get('envoy.filters.http.jwt_authn') ?? {});
  const claims = payloads.find((each): each is JsonObject => typeof each === 'object' && each !== null && !Array.isArray(each));
  const text = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');
  metadata.set('istio_authn', {
    ...(principal !== undefined && { 'source.principal': principal, 'source.user': principal }),
    ...(namespace !== undefined && { 'source.namespace': namespace }),
    ...(claims !== undefined && {
      'request.auth.principal': `${text(claims['iss'])}/${text(claims['sub'])}`,
      'request.auth.audiences': text([claims['aud'] ?? ''].flat()[0]),
      'request.auth.presenter': text(claims['azp']),
      'request.auth.claims': Object.fromEntries(Object.entries(claims).map(([name, value]) => [name, listOf(value)])),
    }),
  });
  return undefined;
};

/** Texts are lists of words, as scopes are; what is inside of claims is told likewise. */
function listOf(value: JsonValue): JsonValue {
  if (typeof value === 'string') return value.split(' ');
  if (Array.isArray(value)) return value;
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, listOf(inner)]));
  return [];
}

// Rules for RequestAuthentications: where keys come from, and where tokens are looked for and written to.

import { error } from './finding.ts';
import { isRecord } from './fit.ts';
import type { Check, Finding } from './kind.ts';
import { isHeaderName } from './names.ts';
import type { Path } from './object.ts';
import type { JWTRule, RequestAuthentication } from './request-authentication.ts';
import { checkDuration, each, repeated } from './shared/values.ts';

export const jwtRules: Check<RequestAuthentication> = ({ spec }) =>
  each(spec.jwtRules, ['spec', 'jwtRules'], (rule, path) => [
    ...checkKeys(rule, path),
    ...checkPlaces(rule, path),
    ...checkOutputs(rule, path),
    ...checkDuration(rule.timeout, [...path, 'timeout']),
  ]);

function checkKeys({ issuer, jwksUri, jwks }: JWTRule, path: Path): Finding[] {
  const findings: Finding[] = [];
  if (!issuer && !jwksUri)
    findings.push(
      error('LAT1720', path, 'the rule says neither who issues tokens nor where their keys are', 'give issuer or jwksUri'),
    );
  if (jwksUri && jwks) findings.push(error('LAT1720', path, 'jwks and jwksUri exclude each other', 'keep one of them'));
  if (jwksUri && !isWebAddress(jwksUri)) {
    findings.push(
      error(
        'LAT1720',
        [...path, 'jwksUri'],
        `${JSON.stringify(jwksUri)} is not a web address`,
        'write http:// or https:// and a host',
      ),
    );
  }
  if (jwks && !isKeySet(jwks))
    findings.push(error('LAT1720', [...path, 'jwks'], 'is not a JSON web key set', 'write {"keys": [...]}'));
  return findings;
}

function isWebAddress(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.host !== '';
}

function isKeySet(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return (
      isRecord(value) &&
      Array.isArray(value['keys']) &&
      value['keys'].every((key) => isRecord(key) && typeof key['kty'] === 'string')
    );
  } catch {
    return false;
  }
}

const checkName = (name: string, path: Path): Finding[] =>
  isHeaderName(name)
    ? []
    : [error('LAT1029', path, `${JSON.stringify(name)} is not a header's name`, 'use letters, digits and -')];

function checkPlaces(rule: JWTRule, path: Path): Finding[] {
  const empties = (['audiences', 'fromParams', 'fromCookies', 'spaceDelimitedClaims'] as const).flatMap((field) =>
    each(rule[field], [...path, field], (text, place) =>
      text === '' ? [error('LAT1721', place, 'the entry is empty', 'remove it')] : [],
    ),
  );
  return [
    ...empties,
    ...each(rule.fromHeaders, [...path, 'fromHeaders'], ({ name }, place) => checkName(name, [...place, 'name'])),
  ];
}

function checkOutputs({ outputPayloadToHeader, outputClaimToHeaders }: JWTRule, path: Path): Finding[] {
  const findings = outputPayloadToHeader ? checkName(outputPayloadToHeader, [...path, 'outputPayloadToHeader']) : [];
  for (const [index, { header }] of repeated(outputClaimToHeaders, (output) => output.header.toLowerCase())) {
    const message = `${header} is written by another claim already`;
    findings.push(
      error('LAT1722', [...path, 'outputClaimToHeaders', index, 'header'], message, 'give each claim its own header'),
    );
  }
  return findings;
}

// Rules for AuthorizationPolicies: nothing empty that would silently match everything or nothing, and values that can be compared.

import { attributeOf, checkCondition } from './authorization-conditions.ts';
import type { AuthorizationPolicy, Operation, Rule, Source } from './authorization-policy.ts';
import { error, warning } from './finding.ts';
import type { Check, Finding } from './kind.ts';
import { isCidr } from './names.ts';
import type { Path } from './object.ts';
import { each } from './shared/values.ts';

export const action: Check<AuthorizationPolicy> = ({ spec }, { metadata }) => {
  const { rules, provider, action: chosen = 'ALLOW' } = spec;
  const findings: Finding[] = [];
  if (chosen === 'CUSTOM') {
    if (!provider?.name)
      findings.push(
        error('LAT1704', ['spec', 'provider'], 'CUSTOM needs a provider', 'name one of the extensionProviders of MeshConfig'),
      );
    if (rules === undefined)
      findings.push(error('LAT1704', ['spec', 'rules'], 'CUSTOM needs rules', 'write rules: [{}] for every request'));
  } else if (provider !== undefined) {
    findings.push(
      error('LAT1704', ['spec', 'provider'], `${chosen} takes no provider`, 'set action to CUSTOM, or remove provider'),
    );
  }
  if (chosen === 'DENY' && rules === undefined) {
    findings.push(
      error('LAT1705', ['spec', 'rules'], 'DENY without rules denies nothing', 'write rules: [{}] to deny everything'),
    );
  }
  const dryRun = metadata.annotations['istio.io/dry-run'];
  if (dryRun !== undefined) {
    const path = ['metadata', 'annotations', 'istio.io/dry-run'];
    if (!['true', 'false'].includes(dryRun.toLowerCase()))
      findings.push(error('LAT1706', path, `${JSON.stringify(dryRun)} is neither true nor false`, 'write true or false'));
    else if (chosen !== 'ALLOW' && chosen !== 'DENY')
      findings.push(error('LAT1706', path, `there is no dry run of ${chosen}`, 'remove the annotation'));
  }
  return findings;
};

export const rules: Check<AuthorizationPolicy> = ({ spec }) => {
  const isCustom = spec.action === 'CUSTOM';
  return each(spec.rules, ['spec', 'rules'], (rule, path) => [
    ...checkNotEmpty(rule, path),
    ...each(rule.from, [...path, 'from'], ({ source = {} }, place) => checkSource(source, [...place, 'source'], isCustom)),
    ...each(rule.to, [...path, 'to'], ({ operation = {} }, place) => checkOperation(operation, [...place, 'operation'])),
    ...each(rule.when, [...path, 'when'], (condition, place) => checkCondition(condition, place, isCustom)),
    ...(spec.action === 'DENY' ? checkDeniesTcp(rule, path) : []),
  ]);
};

/** `from: []` reads like "nobody" and would mean "anybody". */
const checkNotEmpty = (rule: Rule, path: Path): Finding[] =>
  (['from', 'to'] as const)
    .filter((field) => rule[field]?.length === 0)
    .map((field) => error('LAT1703', [...path, field], `${field} is empty`, `give it an entry, or leave it out to match any`));

type Lists = Readonly<Record<string, readonly string[] | undefined>>;

/** Fields that are there and say nothing. */
function checkLists(lists: Lists, what: string, path: Path): Finding[] {
  if (Object.keys(lists).length === 0) return [error('LAT1703', path, `the ${what} says nothing`, 'give it a field')];
  return Object.entries(lists).flatMap(([field, values = []]) => {
    if (values.length === 0) return [error('LAT1703', [...path, field], `${field} is empty`, 'give it a value, or leave it out')];
    return each(values, [...path, field], (value, place) =>
      value === '' ? [error('LAT1703', place, 'the value is empty', 'remove it, or write * for any value')] : [],
    );
  });
}

const identities = ['principals', 'requestPrincipals', 'namespaces', 'serviceAccounts', 'trustDomains'] as const;
const negated = (field: string): string => `not${field.charAt(0).toUpperCase()}${field.slice(1)}`;

function checkSource(source: Source, path: Path, isCustom: boolean): Finding[] {
  const findings = checkLists(source, 'source', path);
  const lists: Lists = source;
  if (isCustom) {
    for (const field of identities.flatMap((name) => [name, negated(name)])) {
      if (lists[field] === undefined) continue;
      findings.push(error('LAT1702', [...path, field], `${field} cannot be used with action CUSTOM`, 'use ALLOW or DENY for it'));
    }
  }
  for (const field of ['ipBlocks', 'notIpBlocks', 'remoteIpBlocks', 'notRemoteIpBlocks']) {
    findings.push(
      ...each(lists[field], [...path, field], (block, place) =>
        block === '' || isCidr(block)
          ? []
          : [
              error(
                'LAT1026',
                place,
                `${JSON.stringify(block)} is neither an IP address nor a CIDR`,
                'write 10.1.2.3 or 10.1.0.0/16',
              ),
            ],
      ),
    );
  }
  return [...findings, ...checkServiceAccounts(source, path), ...checkTrustDomains(source, path)];
}

function checkServiceAccounts(source: Source, path: Path): Finding[] {
  const findings: Finding[] = [];
  for (const field of ['serviceAccounts', 'notServiceAccounts'] as const) {
    if (source[field] === undefined) continue;
    const others = (['principals', 'notPrincipals', 'namespaces', 'notNamespaces'] as const).filter(
      (name) => source[name] !== undefined,
    );
    if (others.length > 0)
      findings.push(
        error(
          'LAT1707',
          [...path, field],
          `${field} and ${others.join(', ')} exclude each other`,
          'put them into separate sources',
        ),
      );
    findings.push(
      ...each(source[field], [...path, field], (account, place) =>
        account.includes('*') || account.split('/').length > 2 || account.split('/').includes('')
          ? [
              error(
                'LAT1707',
                place,
                `${JSON.stringify(account)} is not a service account`,
                'write namespace/name or name, without wildcards',
              ),
            ]
          : [],
      ),
    );
  }
  return findings;
}

function checkTrustDomains(source: Source, path: Path): Finding[] {
  const wrong = /[\s/]|^spiffe:/;
  return (['trustDomains', 'notTrustDomains'] as const).flatMap((field) =>
    each(source[field], [...path, field], (domain, place) =>
      wrong.test(domain)
        ? [
            error(
              'LAT1707',
              place,
              `${JSON.stringify(domain)} is not a trust domain`,
              'write its name alone, as in cluster.local',
            ),
          ]
        : [],
    ),
  );
}

function checkOperation(operation: Operation, path: Path): Finding[] {
  const isPort = (text: string): boolean => /^[0-9]{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
  const findings = checkLists(operation, 'operation', path);
  for (const field of ['ports', 'notPorts'] as const) {
    findings.push(
      ...each(operation[field], [...path, field], (port, place) =>
        port === '' || isPort(port)
          ? []
          : [error('LAT1708', place, `${JSON.stringify(port)} is not a port`, 'write a number from 1 to 65535, in quotes')],
      ),
    );
  }
  for (const field of ['paths', 'notPaths'] as const) {
    findings.push(...each(operation[field], [...path, field], checkPathTemplate));
  }
  return findings;
}

/** `{*}` stands for one whole segment, `{**}` for all that follow; with either, no other wildcard is possible. */
function checkPathTemplate(text: string, path: Path): Finding[] {
  if (!text.includes('{*}') && !text.includes('{**}')) return [];
  const segments = text.split('/');
  const refuse = (message: string, help: string): Finding[] => [error('LAT1709', path, message, help)];
  for (const [index, segment] of segments.entries()) {
    if (segment === '{**}') {
      if (index < segments.length - 1) return refuse('{**} is not the last segment', 'put it last, or use {*}');
    } else if (segment !== '{*}' && /[{}*]/.test(segment)) {
      return refuse(`the segment ${JSON.stringify(segment)} mixes a wildcard with other text`, 'use {*} for a whole segment');
    }
  }
  return text.startsWith('/') ? [] : refuse('the path does not begin with /', 'begin it with /');
}

/** What only HTTP has counts as matched where there is no HTTP, so that denial fails safe: then every TCP connection is denied. */
function checkDeniesTcp(rule: Rule, path: Path): Finding[] {
  const ofHttp = (rule.to ?? []).some(({ operation = {} }) => Object.keys(operation).some((field) => !/ports$/i.test(field)));
  const ofToken = (rule.from ?? []).some(
    ({ source = {} }) => source.requestPrincipals !== undefined || source.notRequestPrincipals !== undefined,
  );
  const ofCondition = (rule.when ?? []).some(({ key }) => attributeOf(key)?.http === true);
  if (!ofHttp && !ofToken && !ofCondition) return [];
  const hasPorts = (rule.to ?? []).some(
    ({ operation = {} }) => operation.ports !== undefined || operation.notPorts !== undefined,
  );
  if (hasPorts) return [];
  const message = 'on ports without HTTP this rule denies every connection that the rest of it matches';
  return [warning('LAT1710', path, message, 'add operation.ports to name the HTTP ports')];
}

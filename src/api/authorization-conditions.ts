// The keys that `when` of an AuthorizationPolicy may test, and what values each takes.

import { error } from './finding.ts';
import type { Finding } from './kind.ts';
import { isCidr } from './names.ts';
import type { Path } from './object.ts';
import type { Condition } from './authorization-policy.ts';

interface Attribute {
  /** `request.headers[…]`: the key goes on in brackets, this many times at least. */
  readonly brackets?: true;
  /** Whether a value can be one of it. */
  readonly accepts?: (value: string) => boolean;
  readonly means?: string;
  /** Known only of HTTP requests; other connections never have it. */
  readonly http?: true;
  /** An identity that Lateen verified: an outside authorizer cannot be told when to run by it. */
  readonly notInCustom?: true;
}

const isPort = (text: string): boolean => /^[0-9]{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;

const attributes: Readonly<Record<string, Attribute>> = {
  'request.headers': { brackets: true, http: true },
  'source.ip': { accepts: isCidr, means: 'an IP address or CIDR' },
  'remote.ip': { accepts: isCidr, means: 'an IP address or CIDR' },
  'source.namespace': { notInCustom: true },
  'source.principal': { notInCustom: true },
  'source.serviceAccount': { notInCustom: true },
  'source.trustDomain': { notInCustom: true },
  'request.auth.principal': { http: true, notInCustom: true },
  'request.auth.audiences': { http: true, notInCustom: true },
  'request.auth.presenter': { http: true, notInCustom: true },
  'request.auth.claims': { brackets: true, http: true, notInCustom: true },
  'destination.ip': { accepts: isCidr, means: 'an IP address or CIDR' },
  'destination.port': { accepts: isPort, means: 'a port' },
  'connection.sni': {},
};

/** A key's attribute; undefined if there is none of that name. */
export function attributeOf(key: string): Attribute | undefined {
  const bracket = key.indexOf('[');
  const name = bracket < 0 ? key : key.slice(0, bracket);
  if (name.startsWith('experimental.envoy.filters.')) return bracket > 0 && key.endsWith(']') ? { brackets: true } : undefined;
  const attribute = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  if (attribute === undefined) return undefined;
  const well = attribute.brackets === true ? /^(?:\[[^[\]]+\])+$/.test(key.slice(name.length)) : bracket < 0;
  return well ? attribute : undefined;
}

const known = Object.entries(attributes)
  .map(([name, { brackets }]) => (brackets ? `${name}[…]` : name))
  .join(', ');

export function checkCondition({ key, values = [], notValues = [] }: Condition, path: Path, isCustom: boolean): Finding[] {
  const attribute = attributeOf(key);
  if (attribute === undefined)
    return [error('LAT1701', [...path, 'key'], `${JSON.stringify(key)} is no attribute`, `use one of ${known}`)];
  if (isCustom && attribute.notInCustom === true) {
    return [error('LAT1702', [...path, 'key'], `${key} cannot be used with action CUSTOM`, 'use ALLOW or DENY for it')];
  }
  if (values.length + notValues.length === 0) {
    return [error('LAT1701', path, `the condition on ${key} has no value`, 'give values or notValues')];
  }
  const { accepts, means } = attribute;
  return Object.entries({ values, notValues }).flatMap(([field, list]) =>
    list.flatMap((value, index) => {
      const place = [...path, field, index];
      if (value === '') return [error('LAT1703', place, 'the value is empty', 'remove it, or write * for any value')];
      if (accepts === undefined || accepts(value)) return [];
      return [error('LAT1701', place, `${JSON.stringify(value)} is not ${means}`, 'correct the value')];
    }),
  );
}

// Filters that HTTPRoutes and GRPCRoutes share: changes to headers, and mirroring.

import { error } from '../finding.ts';
import type { Finding } from '../kind.ts';
import type { Path } from '../object.ts';
import { integer, list, message, pattern, text, textOf } from '../schema.ts';
import { BackendObjectReference, LocalObjectReference } from './reference.ts';

export const headerName = pattern("^[A-Za-z0-9!#$%&'*+\\-.^_`|~]+$", "a header's name", { minLength: 1, maxLength: 256 });

const HTTPHeader = message({ name: headerName, value: textOf({ minLength: 1, maxLength: 4096 }) }, {});

const HeaderFilter = message(
  {},
  {
    set: list(HTTPHeader, { maxItems: 16 }),
    add: list(HTTPHeader, { maxItems: 16 }),
    remove: list(text, { maxItems: 16 }),
  },
);

const RequestMirrorFilter = message(
  { backendRef: BackendObjectReference },
  {
    percent: integer(0, 100),
    fraction: message({ numerator: integer(0, 2_147_483_647) }, { denominator: integer(1, 2_147_483_647) }),
  },
);

export const sharedFilters = {
  requestHeaderModifier: HeaderFilter,
  responseHeaderModifier: HeaderFilter,
  requestMirror: RequestMirrorFilter,
  extensionRef: LocalObjectReference,
};

/** A filter's type says which of its fields is there; most filters stand once in a rule. */
export function checkFilters(filters: readonly { readonly type: string }[], path: Path): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const [index, filter] of filters.entries()) {
    const wanted = fieldOf(filter.type);
    const place = [...path, index];
    const given = Object.keys(filter).filter((name) => name !== 'type');
    if (!given.includes(wanted))
      findings.push(error('LAT1803', place, `a filter of type ${filter.type} needs ${wanted}`, `give ${wanted}`));
    for (const name of given.filter((field) => field !== wanted)) {
      findings.push(
        error('LAT1803', [...place, name], `a filter of type ${filter.type} has no ${name}`, `remove it, or change type`),
      );
    }
    if (seen.has(filter.type) && filter.type !== 'RequestMirror' && filter.type !== 'ExtensionRef') {
      findings.push(error('LAT1803', place, `there is a filter of type ${filter.type} already`, 'put them together'));
    }
    seen.add(filter.type);
  }
  if (seen.has('RequestRedirect') && seen.has('URLRewrite')) {
    findings.push(error('LAT1803', path, 'RequestRedirect and URLRewrite exclude each other', 'keep one of them'));
  }
  return findings;
}

/** `RequestHeaderModifier` → `requestHeaderModifier`, `URLRewrite` → `urlRewrite`, `CORS` → `cors`. */
const fieldOf = (type: string): string => type.replace(/^[A-Z]+(?=[A-Z][a-z])|^[A-Z]+$|^[A-Z]/, (start) => start.toLowerCase());

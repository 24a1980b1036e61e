// GRPCRoute: how gRPC calls are routed, by service and method (Gateway API).

import type { Static } from 'typebox';
import { error } from '../finding.ts';
import { defineKind, type Check } from '../kind.ts';
import { choice, list, message, textOf } from '../schema.ts';
import { checkRegex, each } from '../shared/values.ts';
import { checkFilters, headerName, sharedFilters } from './header-filter.ts';
import { backendFields, commonRoute, gatewayApi, hostname, objectName, sectionName, Status } from './reference.ts';

const matchType = choice('Exact', 'RegularExpression');

const GRPCMethodMatch = message(
  {},
  { type: matchType, service: textOf({ maxLength: 1024 }), method: textOf({ maxLength: 1024 }) },
);
const GRPCHeaderMatch = message({ name: headerName, value: textOf({ minLength: 1, maxLength: 4096 }) }, { type: matchType });

const GRPCRouteFilter = message(
  { type: choice('RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror', 'ExtensionRef') },
  sharedFilters,
);
const filters = list(GRPCRouteFilter, { maxItems: 16 });

const GRPCRouteRule = message(
  {},
  {
    name: sectionName,
    matches: list(message({}, { method: GRPCMethodMatch, headers: list(GRPCHeaderMatch, { maxItems: 16 }) }), { maxItems: 64 }),
    filters,
    backendRefs: list(message({ name: objectName }, { ...backendFields, filters }), { maxItems: 16 }),
  },
);

const Spec = message(
  {},
  { ...commonRoute, hostnames: list(hostname, { maxItems: 16 }), rules: list(GRPCRouteRule, { maxItems: 16 }) },
);

const schema = message({ spec: Spec }, { status: Status });
export type GRPCRoute = Static<typeof schema>;

const names = { service: /^[A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_][A-Za-z_0-9]*)*$/, method: /^[A-Za-z_][A-Za-z_0-9]*$/ };

const rules: Check<GRPCRoute> = ({ spec }) =>
  each(spec.rules, ['spec', 'rules'], (rule, path) => [
    ...each(rule.matches, [...path, 'matches'], ({ method }, place) => {
      if (method === undefined) return [];
      const at = [...place, 'method'];
      if (!method.service && !method.method)
        return [error('LAT1804', at, 'names neither service nor method', 'give one of them')];
      return (['service', 'method'] as const).flatMap((field) => {
        const value = method[field];
        if (!value) return [];
        if (method.type === 'RegularExpression') return checkRegex(value, [...at, field]);
        return names[field].test(value)
          ? []
          : [error('LAT1804', [...at, field], `${JSON.stringify(value)} is not a gRPC ${field}`, 'write its whole name')];
      });
    }),
    ...checkFilters(rule.filters ?? [], [...path, 'filters']),
    ...each(rule.backendRefs, [...path, 'backendRefs'], (backend, place) =>
      checkFilters(backend.filters ?? [], [...place, 'filters']),
    ),
  ]);

export const grpcRoute = defineKind({
  ...gatewayApi,
  kind: 'GRPCRoute',
  versions: ['v1'],
  plural: 'grpcroutes',
  scope: 'namespaced',
  schema,
  checks: [rules],
  columns: [{ name: 'Hostnames', path: ['spec', 'hostnames'] }],
});

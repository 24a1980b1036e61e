// Several objects for one host: in which order their rules stand, what that hides, and what is dropped.

import { diagnose, type Diagnostic } from '../../../api/diagnostic.ts';
import { pathText, refOf, refText, type ApiObject } from '../../../api/object.ts';
import type { DestinationRule } from '../../../api/destination-rule.ts';
import { matchesEverything } from '../../../compile/route/match.ts';
import type { DestinationPolicy } from '../../../mesh/destination-policy.ts';
import { labelsText } from '../../../mesh/labels.ts';
import type { HttpMatch, HttpRule, Route } from '../../../mesh/route.ts';
import type { AnalysisContext } from '../context.ts';
import { covers } from '../coverage.ts';

export const merges = (context: AnalysisContext): Diagnostic[] => [...gatewayMerges(context), ...policyMerges(context)];

/** At a gateway all objects' rules for a host stand one after the other, oldest object first. */
function gatewayMerges({ mesh }: AnalysisContext): Diagnostic[] {
  const found = new Map<HttpRule, Diagnostic>();
  for (const { name, namespace } of mesh.gateways()) {
    const gateway = `${namespace}/${name}`;
    const hosts = new Map<string, Route[]>();
    for (const route of mesh.gatewayRoutes(gateway, namespace)) {
      if (route.fallback || route.object.kind === 'Ingress') continue;
      for (const host of new Set(route.hosts)) hosts.set(host, [...(hosts.get(host) ?? []), route]);
    }
    for (const [host, routes] of hosts) {
      for (const [index, route] of routes.entries()) {
        for (const earlier of routes.slice(Math.max(0, index - most), index)) compare(earlier, route, host, gateway, found);
      }
    }
  }
  return [...found.values()];
}

/** Of so many objects before it an object is compared with the nearest. */
const most = 20;

function compare(earlier: Route, later: Route, host: string, gateway: string, found: Map<HttpRule, Diagnostic>): void {
  for (const rule of later.http) {
    if (found.has(rule)) continue;
    for (const first of earlier.http) {
      const relation = related(first, rule);
      if (relation === undefined) continue;
      found.set(rule, relation === 'hides' ? hidden(rule, first, host, gateway) : ordered(rule, first, host, gateway));
      break;
    }
  }
}

/** What takes every request comes last, whatever its age (Istio's rule), so it hides nothing of another object. */
const matchesOf = ({ matches }: HttpRule): (HttpMatch | undefined)[] => (matches.length === 0 ? [undefined] : [...matches]);
const specific = (rule: HttpRule): (HttpMatch | undefined)[] => matchesOf(rule).filter((match) => !matchesEverything(match));

function related(first: HttpRule, rule: HttpRule): 'hides' | 'narrows' | undefined {
  const outer = specific(first);
  const inner = matchesOf(rule);
  if (inner.every((match) => outer.some((one) => covers(one, match)))) return 'hides';
  const own = specific(rule);
  return outer.some((one) => own.some((match) => covers(match, one) && !covers(one, match))) ? 'narrows' : undefined;
}

const place = (rule: HttpRule): string => `${refText(refOf(rule.object))} ${pathText(rule.path)}`;

const hidden = (rule: HttpRule, first: HttpRule, host: string, gateway: string): Diagnostic =>
  diagnose(rule.object, rule.path, {
    code: 'IST0130',
    severity: 'warning',
    message: `no request for ${host} at ${gateway} reaches this rule: ${place(first)} takes all of them, and counts first`,
    help: 'rules of several objects for a host stand in the order of the objects’ age, then name: put those that need an order into one object',
  });

const ordered = (rule: HttpRule, first: HttpRule, host: string, gateway: string): Diagnostic =>
  diagnose(rule.object, rule.path, {
    code: 'LAT2106',
    severity: 'info',
    message: `for ${host} at ${gateway} it comes after ${place(first)}, which takes some of its requests, only because that object is older or its name comes first`,
    help: 'put rules that need an order into one object',
  });

/** DestinationRules of one namespace for one host become one: the oldest's settings, and everybody's subsets. */
function policyMerges({ mesh }: AnalysisContext): Diagnostic[] {
  const groups = Map.groupBy(mesh.policies.all(), (policy) => `${policy.namespace} ${policy.host} ${audienceText(policy)}`);
  return [...groups.values()].flatMap(([first, ...others]) =>
    first === undefined ? [] : others.flatMap((policy, index) => dropped([first, ...others.slice(0, index)], policy)),
  );
}

const audienceText = ({ visibility, callers }: DestinationPolicy): string =>
  `${visibility.everyone ? '*' : [...visibility.namespaces].sort().join()} ${callers === undefined ? '' : labelsText(callers)}`;

function dropped(earlier: readonly DestinationPolicy[], policy: DestinationPolicy): Diagnostic[] {
  const [object] = policy.objects as readonly (ApiObject<DestinationRule> | undefined)[];
  if (object === undefined) return [];
  const nameOf = ({ objects: [one] }: DestinationPolicy): string => (one === undefined ? '' : refText(refOf(one)));
  const settled = policy.policy === undefined ? undefined : earlier.find((other) => other.policy !== undefined);
  return [
    ...(settled === undefined
      ? []
      : [
          diagnose(object, ['spec', 'trafficPolicy'], {
            code: 'LAT2107',
            severity: 'warning',
            message: `has no effect: ${nameOf(settled)} is for ${policy.host} too, is older or its name comes first, and has a trafficPolicy`,
            help: 'put the settings for a host into one DestinationRule',
          }),
        ]),
    ...policy.subsets.flatMap((subset) => {
      const twin = earlier.find(({ subsets }) => subsets.some(({ name }) => name === subset.name));
      if (twin === undefined) return [];
      return [
        diagnose(object, subset.path, {
          code: 'LAT2107',
          severity: 'warning',
          message: `subset ${subset.name} of ${policy.host} is the one of ${nameOf(twin)}: this one has no effect`,
          help: 'define each subset once',
        }),
      ];
    }),
  ];
}

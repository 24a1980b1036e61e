// Which rules no request reaches, because at a gateway an earlier object has the same ones for a host: all objects' rules stand there.

import { diagnose, type Diagnostic } from '../../api/diagnostic.ts';
import { pathText, refOf, refText } from '../../api/object.ts';
import type { HttpRule } from '../../mesh/route.ts';
import type { ProxyClass } from '../proxy-class.ts';
import { appliesTo, type RuleAudience } from '../route/http-rules.ts';
import { matchesEverything, routeMatch } from '../route/match.ts';
import { audienceOf } from './routes.ts';
import { commonHosts, hasTable, hostsFor, tableOf, type GatewayServer } from './server.ts';

/** One finding for each such rule, at the first of the hosts where it is hidden. What is hidden by its own object is found elsewhere. */
export function shadowDiagnostics(proxy: ProxyClass, servers: readonly GatewayServer[]): Diagnostic[] {
  const found = new Map<HttpRule, Diagnostic>();
  for (const table of Map.groupBy(servers.filter(hasTable), tableOf).values()) {
    const hosts = new Map<string, Map<string, HttpRule>>();
    for (const server of table) {
      for (const route of proxy.view.mesh.gatewayRoutes(server.gateway, proxy.namespace)) {
        if (route.fallback) continue;
        for (const host of commonHosts(hostsFor(server, route.namespace), route.hosts)) {
          const first = hosts.get(host) ?? new Map<string, HttpRule>();
          hosts.set(host, first);
          for (const rule of route.http) {
            const hiding = hidingRule(first, rule, audienceOf(proxy, server));
            if (hiding !== undefined && !found.has(rule)) found.set(rule, shadowed(rule, hiding, host));
          }
        }
      }
    }
  }
  return [...found.values()];
}

/** The other object's rule that has all of a rule's requests; else what the rule asks for is its own from here on. */
function hidingRule(first: Map<string, HttpRule>, rule: HttpRule, audience: RuleAudience): HttpRule | undefined {
  const matches = rule.matches.length === 0 ? [undefined] : rule.matches.filter((match) => appliesTo(match, audience));
  const keys = matches.map((match) => (matchesEverything(match) ? 'everything' : JSON.stringify(routeMatch(match))));
  const earlier = keys.map((key) => first.get(key));
  for (const key of keys) if (!first.has(key)) first.set(key, rule);
  const [hiding] = earlier;
  return earlier.every((other) => other !== undefined && other.object !== rule.object) ? hiding : undefined;
}

const shadowed = ({ object, path }: HttpRule, hiding: HttpRule, host: string): Diagnostic =>
  diagnose(object, path, {
    code: 'IST0130',
    severity: 'warning',
    message: `no request for ${host} reaches this rule: ${refText(refOf(hiding.object))} ${pathText(hiding.path)} has the same, and counts first`,
    help: 'let rules of several objects for a host differ in what they match',
  });

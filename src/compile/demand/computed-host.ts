// The last virtual host of a table on demand: hosts that services of Kubernetes have, in all the forms in which callers write
// them, become the names of their clusters; whatever else is asked for goes where it goes in the eager form.

import { LuaConfigSchema } from '../../../gen/envoy/extensions/router/cluster_specifiers/lua/v3/lua_pb.js';
import { any } from '../../filters/any.ts';
import { destinationFilters, timeouts } from '../route/action.ts';
import { catchAllHost } from '../route/catch-all.ts';
import type { RouteInit } from '../route/http-rules.ts';
import { anyRequest } from '../route/match.ts';
import { retryPolicyOf } from '../route/retries.ts';
import { virtualHostPiece, type VirtualHostPiece } from '../route/virtual-host.ts';
import type { Service } from '../../mesh/service.ts';
import { familyBy } from '../../store/family.ts';
import { identityOf } from '../identity.ts';
import { blackHoleCluster } from '../names.ts';
import { addressesFor, viewText, type View } from '../view.ts';
import { nameScript } from './computed-name.ts';
import { rangeOf } from './plain.ts';

interface ComputedHost {
  readonly view: View;
  /** The table's. */
  readonly port: number;
  /** The caller's: `default.svc.cluster.local`. */
  readonly dnsDomain: string;
}

export const computedHost = (input: ComputedHost): VirtualHostPiece => cells(input).value;

const cells = familyBy(
  ({ view, port, dnsDomain }: ComputedHost) =>
    `${identityOf(view.mesh)} ${view.undeclared.allowed} ${port} ${dnsDomain}\n${known(view).value.text}`,
  ({ view, port, dnsDomain }): VirtualHostPiece => {
    const { domain } = view.mesh;
    const host = catchAllHost(view);
    const names = known(view).value;
    if (names.namespaces.length === 0) return virtualHostPiece(host, []);
    const hidden =
      names.hidden.length === 0 ? [] : host.routes.map((route) => forHidden(route, names.hidden, { domain, dnsDomain }));
    const computed = computedRoute({ names, port, domain, dnsDomain, view });
    return virtualHostPiece({ ...host, routes: [...hidden, computed, ...host.routes] }, []);
  },
);

/** What the hosts of a view's services are made of. */
interface KnownNames {
  /** Sorted. */
  readonly namespaces: readonly string[];
  /** Ranges of virtual addresses, as regular expressions, sorted. */
  readonly addresses: readonly string[];
  /** `name.namespace` of those that only rules lead to: a Sidecar lets nobody call them by themselves. Sorted. */
  readonly hidden: readonly string[];
  /** All of it. */
  readonly text: string;
}

const known = familyBy(viewText, (view: View, previous: KnownNames | undefined): KnownNames => {
  const ofCluster = (list: readonly Service[]) => list.filter(({ registry }) => registry === 'Kubernetes');
  const services = ofCluster(view.mesh.visibleServices(view));
  const reached = view.scope === undefined ? [] : ofCluster(view.mesh.visibleServices({ ...view, egress: undefined }));
  const names = {
    namespaces: [...new Set(services.map(({ namespace }) => namespace))].sort(),
    addresses: [...new Set(services.flatMap((service) => addressesFor(view, service).map(addressPattern)))].sort(),
    hidden: reached
      .filter((service) => !services.includes(service))
      .map(({ name, namespace }) => `${name}.${namespace}`)
      .sort(),
  };
  const text = `${names.namespaces.join()} ${names.addresses.join()} ${names.hidden.join()}`;
  return previous?.text === text ? previous : { ...names, text };
});

function addressPattern(address: string): string {
  const range = rangeOf(address);
  if (!address.includes(':')) return `${range.split('.').slice(0, 2).join('\\.')}\\.[0-9]+\\.[0-9]+`;
  // Written as the service's own address is, but for its last group.
  return `\\[${address.toLowerCase().slice(0, address.lastIndexOf(':') + 1)}[0-9a-f]*\\]`;
}

const escaped = (text: string): string => text.replaceAll(/[.+?^${}()|[\]\\*]/g, '\\$&');

const authorityIs = (regex: string) =>
  ({
    name: ':authority',
    headerMatchSpecifier: { case: 'stringMatch', value: { matchPattern: { case: 'safeRegex', value: { regex } } } },
  }) as const;

/** What a host that no service has would get, for hosts of services that may not be called by themselves. */
function forHidden<Route extends object>(
  route: Route,
  hidden: readonly string[],
  { domain, dnsDomain }: { readonly domain: string; readonly dnsDomain: string },
): Route & Pick<RouteInit, 'match'> {
  const own = `.${dnsDomain.slice(0, dnsDomain.indexOf('.'))}`;
  const rest = `(?:\\.svc(?:\\.${escaped(domain)}\\.?)?)?`;
  const forms = hidden.flatMap((name) => [
    `${escaped(name)}${rest}`,
    ...(name.endsWith(own) ? [escaped(name.slice(0, -own.length))] : []),
  ]);
  return { ...route, match: { ...anyRequest, headers: [authorityIs(`(?i)(?:${forms.join('|')})(?::[0-9]+)?`)] } };
}

function computedRoute(input: ComputedHost & { readonly names: KnownNames; readonly domain: string }): RouteInit {
  const { names, port, domain, dnsDomain, view } = input;
  const retryPolicy = retryPolicyOf(undefined, view.mesh.config.defaultHttpRetryPolicy, false);
  const label = '[a-z0-9][a-z0-9_-]*';
  const qualified = `\\.(?:${names.namespaces.map(escaped).join('|')})(?:\\.svc(?:\\.${escaped(domain)}\\.?)?)?`;
  const regex = `(?i)(?:${[`${label}(?:${qualified})?`, ...names.addresses].join('|')})(?::[0-9]+)?`;
  return {
    name: 'default',
    match: { ...anyRequest, headers: [authorityIs(regex)] },
    action: {
      case: 'route',
      value: {
        clusterSpecifier: {
          case: 'inlineClusterSpecifierPlugin',
          value: {
            extension: {
              name: 'envoy.router.cluster_specifier_plugin.lua',
              typedConfig: any(LuaConfigSchema, {
                sourceCode: {
                  specifier: {
                    case: 'inlineString',
                    value: nameScript({ port, namespace: dnsDomain.slice(0, dnsDomain.indexOf('.')), domain }),
                  },
                },
                defaultCluster: blackHoleCluster,
              }),
            },
          },
        },
        ...timeouts(undefined),
        ...(retryPolicy && { retryPolicy }),
      },
    },
    typedPerFilterConfig: destinationFilters({ announcement: 'cluster' }),
  };
}

// Services and rules that nobody sees: exported to nobody, hidden by every Sidecar, or rules for hosts that are none.

import { diagnose, type Diagnostic } from '../../../api/diagnostic.ts';
import type { ApiObject } from '../../../api/object.ts';
import { nearest } from '../../../api/suggestion.ts';
import { isWildcard } from '../../../mesh/hostname.ts';
import { callerText, scopeOf, type Caller } from '../../../mesh/scope.ts';
import type { Service } from '../../../mesh/service.ts';
import type { Visibility } from '../../../mesh/visibility.ts';
import type { AnalysisContext } from '../context.ts';

export const unseen = (context: AnalysisContext): Diagnostic[] => [
  ...unexported(context),
  ...unreached(context),
  ...unknownHosts(context),
  ...idleDelegates(context),
];

/** Objects that are exported to namespaces alone that are not there. */
function unexported(context: AnalysisContext): Diagnostic[] {
  const { mesh, input } = context;
  const exported: readonly { readonly visibility: Visibility; readonly object: ApiObject<unknown> }[] = [
    ...mesh.services.all(),
    ...mesh.routes.all(),
    ...mesh.policies.all().flatMap(({ visibility, objects: [object] }) => (object === undefined ? [] : [{ visibility, object }])),
  ];
  const told = new Set<ApiObject<unknown>>();
  return exported.flatMap(({ visibility, object }) => {
    if (visibility.everyone || told.has(object)) return [];
    const wanted = [...visibility.namespaces];
    const isNobody = wanted.length === 0;
    if (wanted.some((name) => isThere(context, name))) return [];
    const annotated = object.kind === 'Service';
    const meant = wanted[0] === undefined ? undefined : nearest(wanted[0], context.namespaces);
    // Files are of some namespaces; what is nearly one of these is meant to be it.
    if (!isNobody && !input.whole && meant === undefined) return [];
    told.add(object);
    return [
      diagnose(object, annotated ? ['metadata', 'annotations', 'networking.istio.io/exportTo'] : ['spec', 'exportTo'], {
        code: 'LAT2105',
        severity: isNobody ? 'info' : 'warning',
        message: isNobody
          ? 'is exported to nobody: no workload sees it'
          : `is exported to ${wanted.sort().join(', ')} alone, of which none is there: no workload sees it`,
        help: isNobody
          ? 'name namespaces, . or * in exportTo, if somebody is to use it'
          : meant !== undefined
            ? `did you mean ${meant}?`
            : 'correct the namespaces in exportTo',
      }),
    ];
  });
}

const isThere = ({ namespaces, mesh }: AnalysisContext, name: string): boolean =>
  namespaces.has(name) || name === mesh.config.rootNamespace;

/** Services that no workload may call, because each has a Sidecar that leaves them out. */
function unreached({ mesh, workloads }: AnalysisContext): Diagnostic[] {
  const callers = new Map<string, Caller>();
  for (const { namespace, labels, gateway } of workloads) {
    const [sidecar] = gateway ? [] : mesh.sidecarsFor(namespace, labels);
    const caller = { namespace: mesh.outlook(namespace), scope: sidecar && scopeOf(sidecar, namespace), egress: undefined };
    callers.set(callerText(caller), caller);
  }
  if (callers.size === 0) return [];
  const left = new Set<Service>(
    mesh.services.all().filter(({ visibility }) => visibility.everyone || visibility.namespaces.size > 0),
  );
  for (const caller of callers.values()) {
    // Where somebody sees all that is exported to it, what is left is not exported to anyone who runs.
    for (const service of mesh.visibleServices(caller)) left.delete(service);
    if (left.size === 0) return [];
  }
  const scoped = [...callers.values()].every(({ scope }) => scope !== undefined);
  return [...left].flatMap((service) =>
    scoped
      ? [
          diagnose(service.object, ['metadata', 'name'], {
            code: 'LAT2105',
            severity: 'info',
            message: `no workload may call ${service.host}: every workload has a Sidecar, and none lists it`,
            help: 'add it to the egress hosts of those that call it',
          }),
        ]
      : [],
  );
}

/** Rules of sidecars for names of the cluster's own domain that no service has: no name server knows them. */
function unknownHosts({ mesh, input }: AnalysisContext): Diagnostic[] {
  const domain = `.svc.${mesh.domain}`;
  const isKnown = new Map<string, boolean>();
  const known = (host: string): boolean => {
    const found = isKnown.get(host) ?? mesh.servicesAt(host).length > 0;
    isKnown.set(host, found);
    return found;
  };
  const namespaces = new Set(mesh.services.all().map(({ namespace }) => namespace));
  return mesh.routes.all().flatMap((route) => {
    if (!route.gateways.includes('mesh') || route.gateways.length > 1) return [];
    return route.hosts.flatMap((host, index) => {
      const end = host.indexOf(domain);
      if (isWildcard(host) || end < 0 || known(host)) return [];
      const namespace = host.slice(host.indexOf('.') + 1, end);
      if (!input.whole && !namespaces.has(namespace)) return [];
      const meant = nearest(host.slice(0, host.indexOf('.')), new Set(mesh.servicesIn(namespace).map(({ name }) => name)));
      return [
        diagnose(route.object, ['spec', 'hosts', index], {
          code: 'IST0101',
          severity: 'warning',
          message: `host ${host} is no service: no caller finds an address for it, so nobody follows the rules`,
          help:
            meant === undefined
              ? 'create the Service, or correct the host (a bare name means the same namespace)'
              : `did you mean ${meant}?`,
        }),
      ];
    });
  });
}

/** Objects without hosts are for others to hand over to. */
function idleDelegates({ mesh }: AnalysisContext): Diagnostic[] {
  const used = new Set<ApiObject<unknown>>();
  const named = new Set<string>();
  for (const { object, http, leftOut } of mesh.routes.all()) {
    for (const rule of http) if (rule.object !== object) used.add(rule.object);
    for (const { handover } of leftOut) named.add(`${handover.to.namespace}/${handover.to.name}`);
  }
  return mesh.routes.all().flatMap(({ object, hosts, namespace, name, http }) =>
    hosts.length > 0 || http.length === 0 || used.has(object) || named.has(`${namespace}/${name}`)
      ? []
      : [
          diagnose(object, ['spec'], {
            code: 'LAT2109',
            severity: 'warning',
            message: 'has no hosts, and no VirtualService hands over to it: nobody follows its rules',
            help: `name it as the delegate of a rule: {name: ${name}, namespace: ${namespace}}, or give it hosts`,
          }),
        ],
  );
}

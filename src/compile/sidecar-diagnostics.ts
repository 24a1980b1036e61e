// What is wrong with the Sidecar of a proxy: others in conflict with it, hosts that nothing has, ports it cannot open.

import { diagnose, type Diagnostic } from '../api/diagnostic.ts';
import { refOf, refText, type ApiObject } from '../api/object.ts';
import type { Sidecar } from '../api/sidecar.ts';
import { isWildcard } from '../mesh/hostname.ts';
import { isGeneral } from '../mesh/sidecar-selection.ts';
import { isVisible } from '../mesh/visibility.ts';
import type { ProxyClass } from './proxy-class.ts';
import { destinationService, type View } from './view.ts';

/** Each proxy of a class says what concerns its own Sidecar. */
export function sidecarDiagnostics({ sidecars, view, namespace }: ProxyClass): readonly Diagnostic[] {
  const [first, ...others] = sidecars;
  if (first === undefined) return [];
  const general = isGeneral(first);
  return [
    ...others.map((other) =>
      diagnose(other, ['spec', 'workloadSelector'], {
        code: general ? 'IST0111' : 'IST0110',
        severity: 'error',
        message: `${general ? 'the namespace has' : 'a workload is selected by'} ${refText(refOf(first))} already: this one has no effect there`,
        help: general ? 'keep one Sidecar without workloadSelector' : 'let one Sidecar select each workload',
      }),
    ),
    ...emptyHosts(view, first, namespace),
    ...closedPorts(view),
    ...missingProxy(view).map((message) =>
      diagnose(first, ['spec', 'outboundTrafficPolicy', 'egressProxy', 'host'], {
        code: 'IST0101',
        severity: 'error',
        message,
        help: 'name a service by its whole name, and list it in the hosts of an egress listener',
      }),
    ),
  ];
}

/** Hosts that are written out and that nothing has: people write short names, which a Sidecar does not complete. */
function emptyHosts(view: View, sidecar: ApiObject<Sidecar>, namespace: string): Diagnostic[] {
  const everything = { namespace: view.namespace, scope: undefined, egress: undefined };
  const isKnown = (where: string, host: string): boolean => {
    const inside = (one: string) => where === '*' || one === (where === '.' ? namespace : where);
    return (
      view.mesh.servicesAt(host).some((service) => inside(service.namespace) && isVisible(service.visibility, view.namespace)) ||
      view.mesh.sidecarRules(everything).some((route) => inside(route.namespace) && route.hosts.includes(host))
    );
  };
  return (sidecar.body.spec.egress ?? []).flatMap(({ hosts }, listener) =>
    hosts.flatMap((text, index) => {
      const [where = '', host = ''] = text.split('/');
      if (where.startsWith('~') || isWildcard(host) || isKnown(where, host)) return [];
      return [
        diagnose(sidecar, ['spec', 'egress', listener, 'hosts', index], {
          code: 'IST0101',
          severity: 'warning',
          message: `${text} is no service that the workload could call: the listener has nothing of it`,
          help: 'write the whole name of a service, or of a ServiceEntry, and the namespace that it is in',
        }),
      ];
    }),
  );
}

function closedPorts(view: View): Diagnostic[] {
  if (!view.unprivileged) return [];
  return (view.scope?.egress ?? []).flatMap(({ place }) =>
    place !== undefined && (view.dialled || place.dialled) && place.port > 0 && place.port < 1024
      ? [
          diagnose(place.object, [...place.path, 'port', 'number'], {
            code: 'LAT0208',
            severity: 'warning',
            message: `port ${place.port} cannot be opened by a proxy without privileges: the listener is left out`,
            help: 'take a port above 1023, or let traffic be captured',
          }),
        ]
      : [],
  );
}

function missingProxy(view: View): string[] {
  const { proxy } = view.undeclared;
  return proxy === undefined || destinationService(view, proxy.host) !== undefined
    ? []
    : [`host ${proxy.host} is no service that the workload may call: connections that nobody declared fail`];
}

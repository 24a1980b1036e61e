// What is wrong with the Sidecar of a proxy: others in conflict with it, ports it cannot open, a place for the rest that is not there.

import { diagnose, type Diagnostic } from '../api/diagnostic.ts';
import { refOf, refText } from '../api/object.ts';
import { isGeneral } from '../mesh/sidecar-selection.ts';
import type { ProxyClass } from './proxy-class.ts';
import { destinationService, type View } from './view.ts';

/** Each proxy of a class says what concerns its own Sidecar. */
export function sidecarDiagnostics({ sidecars, view }: ProxyClass): readonly Diagnostic[] {
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

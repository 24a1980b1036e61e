// The ports that a Sidecar says its workload serves, in the place of those that services lead to.

import type { ServerTLSSettings } from '../api/gateway.ts';
import { diagnose, type Diagnostic } from '../api/diagnostic.ts';
import type { ApiObject, Path } from '../api/object.ts';
import type { ConnectionPoolSettings } from '../api/shared/connection-pool.ts';
import type { IstioIngressListener, Sidecar } from '../api/sidecar.ts';
import type { ModeDecision } from '../mesh/authentication.ts';
import { protocolNamed } from '../mesh/protocol.ts';
import { isCredential } from './credential-name.ts';
import { serverSecrets } from './gateway/tls.ts';
import type { OwnPort } from './own-ports.ts';

/** One ingress listener: how connections come to it, and where they go on to. */
export interface Ingress {
  /** The address that it is opened at; undefined: it is captured. */
  readonly opened: string | undefined;
  /** The address in the names of its chains; empty: all addresses. */
  readonly bind: string;
  /** The application's address, or the path of its Unix socket; undefined: what callers dialled. */
  readonly endpoint: { readonly address: string; readonly port: number } | undefined;
  /** TLS that it ends itself: only where mutual TLS is off. */
  readonly tls: ServerTLSSettings | undefined;
  /** The name it is known by where no service is: `sidecar.namespace`. */
  readonly host: string;
  readonly object: ApiObject<unknown>;
  readonly path: Path;
}

/** What ingress listeners know of their proxy. */
interface Place {
  readonly address: string;
  /** Nothing is redirected to it. */
  readonly dialled: boolean;
  readonly unprivileged: boolean;
  readonly modeAt: (port: number) => ModeDecision;
}

/** Whether a Sidecar's ingress needs the proxy's own address: proxies with different ones have different configurations then. */
export const needsAddress = ({ body }: ApiObject<Sidecar>, dialled: boolean): boolean =>
  (body.spec.ingress ?? []).some(
    (listener) =>
      /^(?:0\.0\.0\.0|\[::\]):/.test(listener.defaultEndpoint ?? '') || (!listener.bind && isOpened(listener, dialled)),
  );

const isOpened = ({ captureMode }: IstioIngressListener, dialled: boolean): boolean => dialled || captureMode === 'NONE';

/** The ports of a Sidecar's ingress, by number; a service that leads to one of them gives it its name in metrics. */
export function ingressPorts(sidecar: ApiObject<Sidecar>, services: readonly OwnPort[], place: Place): OwnPort[] {
  const { name, namespace } = sidecar.metadata;
  return (sidecar.body.spec.ingress ?? [])
    .flatMap((listener, index): OwnPort[] => {
      const target = listener.port.number ?? 0;
      const opened = isOpened(listener, place.dialled);
      if (opened && place.unprivileged && target < 1024) return [];
      const { tls, bind = '' } = listener;
      const ending = place.modeAt(target).mode === 'DISABLE' ? tls : undefined;
      // Where TLS ends here, what was in it goes on.
      const protocol = protocolNamed(listener.port.protocol) ?? 'Auto';
      return [
        {
          target,
          protocol: ending !== undefined && protocol === 'HTTPS' ? 'HTTP' : protocol,
          services: services.find((own) => own.target === target)?.services ?? [],
          ingress: {
            opened: opened ? bind || place.address : undefined,
            bind,
            endpoint: endpointOf(listener.defaultEndpoint, place.address),
            tls: ending,
            host: `${name}.${namespace}`,
            object: sidecar,
            path: ['spec', 'ingress', index],
          },
        },
      ];
    })
    .sort((a, b) => a.target - b.target);
}

function endpointOf(text: string | undefined, own: string): Ingress['endpoint'] {
  if (!text) return undefined;
  if (text.startsWith('unix:')) return { address: text.replace(/^unix:(?!\/\/)/, 'unix://'), port: 0 };
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, colon).replace(/^\[|\]$/g, '');
  return { address: host === '0.0.0.0' || host === '::' ? own : host, port: Number(text.slice(colon + 1)) };
}

/** The connection limits that a Sidecar gives a port: of its listener, else of all. */
export function inboundPool(sidecar: ApiObject<Sidecar> | undefined, port: number): ConnectionPoolSettings | undefined {
  const spec = sidecar?.body.spec;
  return spec?.ingress?.find((listener) => listener.port.number === port)?.connectionPool ?? spec?.inboundConnectionPool;
}

/** The SDS names of Kubernetes secrets that its TLS takes. */
export const ingressSecrets = (ports: readonly OwnPort[]): string[] =>
  ports.flatMap(({ ingress }) => {
    if (ingress?.tls === undefined) return [];
    const { certificates, trust } = serverSecrets(ingress.tls);
    return [...certificates, ...(trust === undefined ? [] : [trust])].filter(isCredential);
  });

/** What of a Sidecar's ingress has no effect here. */
export function ingressDiagnostics(sidecar: ApiObject<Sidecar>, place: Place): Diagnostic[] {
  return (sidecar.body.spec.ingress ?? []).flatMap((listener, index) => {
    const port = listener.port.number ?? 0;
    const found: Diagnostic[] = [];
    if (isOpened(listener, place.dialled) && place.unprivileged && port < 1024) {
      found.push(
        diagnose(sidecar, ['spec', 'ingress', index, 'port', 'number'], {
          code: 'LAT0208',
          severity: 'warning',
          message: `port ${port} cannot be opened by a proxy without privileges: the listener is left out`,
          help: 'take a port above 1023, or let traffic be captured',
        }),
      );
    }
    if (listener.tls !== undefined && place.modeAt(port).mode !== 'DISABLE') {
      found.push(
        diagnose(sidecar, ['spec', 'ingress', index, 'tls'], {
          code: 'LAT0209',
          severity: 'warning',
          message: `mutual TLS is on at port ${port}: the listener's own TLS has no effect`,
          help: 'set portLevelMtls of the port to DISABLE in a PeerAuthentication',
        }),
      );
    }
    return found;
  });
}

// What is allowed at a gateway and hardly meant: a rule for hosts that its Gateway does not serve, one certificate in several Gateways.

import { diagnose, type Diagnostic } from '../../api/diagnostic.ts';
import { refOf, refText } from '../../api/object.ts';
import type { GatewayDeclaration } from '../../mesh/gateway.ts';
import type { ProxyClass } from '../proxy-class.ts';
import { certificatesOf } from './misdirected.ts';
import { commonHosts, hostsFor, listenerOf, type GatewayServer } from './server.ts';

/**
 * Hosts of rules that none of the servers has to which the rules are bound: requests for them never come there. One object may have hosts
 * for sidecars, or for another gateway, beside those of this one.
 */
export function strayHosts({ view, namespace }: ProxyClass, servers: readonly GatewayServer[]): Diagnostic[] {
  return [...Map.groupBy(servers, ({ gateway }) => gateway)].flatMap(([gateway, own]) =>
    view.mesh.gatewayRoutes(gateway, namespace).flatMap((route) => {
      const served = own.flatMap((server) => hostsFor(server, route.namespace));
      const isHere = (host: string): boolean => commonHosts(served, [host]).length > 0;
      const others = route.gateways.filter((name) => name !== gateway);
      const isMeantHere = route.hosts.some(isHere);
      return route.hosts.flatMap((host, index) =>
        isHere(host) || (isMeantHere && others.some((name) => name === 'mesh' || declares(view.mesh.gateway(name), host)))
          ? []
          : [
              diagnose(route.object, ['spec', 'hosts', index], {
                code: 'IST0132',
                severity: 'warning',
                message: `host ${host} is none that Gateway ${gateway} serves for namespace ${route.namespace}: the rules for it are not used there`,
                help: 'add the host to a server of the Gateway, or take the Gateway from the object',
              }),
            ],
      );
    }),
  );
}

const declares = (gateway: GatewayDeclaration | undefined, host: string): boolean =>
  (gateway?.servers ?? []).some(
    ({ server }) =>
      commonHosts(
        server.hosts.map((text) => text.slice(text.indexOf('/') + 1)),
        [host],
      ).length > 0,
  );

/** A client that has a connection for one host uses it for another in the same certificate, whose rules are elsewhere. */
export function sharedCertificates(servers: readonly GatewayServer[]): Diagnostic[] {
  const first = new Map<string, GatewayServer['object']>();
  return servers.flatMap((server) => {
    const certificates = certificatesOf(server);
    const key = [listenerOf(server), ...certificates].join(' ');
    const other = first.get(key);
    if (other === undefined) first.set(key, server.object);
    if (other === undefined || other === server.object || certificates.length === 0) return [];
    return [
      diagnose(server.object, [...server.path, 'tls'], {
        code: 'IST0138',
        severity: 'warning',
        message: `${refText(refOf(other))} has this certificate on port ${server.number} too: clients that use an HTTP/2 connection again for this server's hosts get 421, and those that do not know it fail`,
        help: 'write the servers of one certificate as one server, with all hosts',
      }),
    ];
  });
}

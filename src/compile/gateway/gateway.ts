// The configuration of a gateway's class: listeners and tables from its servers, clusters of everything it may call.

import { computed } from '@preact/signals-core';
import { httpRbac, tcpRbac } from '../../filters/rbac/rbac.ts';
import { familyBy } from '../../store/family.ts';
import type { Configuration } from '../configuration.ts';
import { settle, settleAll, settleNames } from '../encode.ts';
import { outboundClusters, outboundEndpoints } from '../outbound.ts';
import type { ProxyClass } from '../proxy-class.ts';
import type { Resource } from '../resource.ts';
import { meshDiagnostics } from '../references.ts';
import { isHttp } from '../../mesh/protocol.ts';
import { gatewayListeners } from './listeners.ts';
import { gatewayTable } from './routes.ts';
import { gatewaySecret } from './secret.ts';
import { serversOf, tableOf, terminatesTls } from './server.ts';
import { serverSecrets } from './tls.ts';

export function gatewayOf(proxy: ProxyClass): Configuration {
  const { view } = proxy;
  const { mesh } = view;
  const servers = computed(() => serversOf(proxy));
  const rbac = computed(() => {
    const policies = mesh.authorizationPolicies(proxy.namespace, proxy.labels);
    return { http: httpRbac(policies, mesh.config), tcp: tcpRbac(policies, mesh.config) };
  });
  const tables = familyBy<string, Resource | undefined>(
    (name) => name,
    (name, previous) => settle(previous, gatewayTable(proxy, servers.value, name)),
  );
  let listeners: ReadonlyMap<string, Resource> | undefined;
  let names: readonly string[] | undefined;
  let secrets: readonly string[] | undefined;
  return {
    id: proxy.text,
    clusters: computed(() => outboundClusters(view).value.byName),
    listeners: computed(() => {
      const { http, tcp } = rbac.value;
      const made = gatewayListeners(proxy, servers.value, { http: http.filters, tcp: tcp.filters });
      const kept = made.map((listener) => [listener.name, settle(listeners?.get(listener.name), listener)] as const);
      return (listeners = settleAll(listeners, new Map(kept)));
    }),
    endpoints: (name) => outboundEndpoints(view, name),
    route: (name) => tables(name),
    secret: (name) => gatewaySecret(proxy, name),
    endpointNames: computed(() => outboundClusters(view).value.withEndpoints),
    routeNames: computed(() => {
      const used = servers.value.filter((server) => isHttp(server.protocol) || (server.protocol === 'HTTPS' && terminatesTls(server)));
      return (names = settleNames(names, [...new Set(used.map(tableOf))].sort()));
    }),
    secretNames: computed(() => {
      const used = servers.value.flatMap(({ server }) => {
        if (server.tls === undefined) return [];
        const { certificates, trust } = serverSecrets(server.tls);
        return [...certificates, ...(trust === undefined ? [] : [trust])];
      });
      const wanted = used.filter((name) => name.startsWith('kubernetes://'));
      return (secrets = settleNames(secrets, [...new Set(wanted)].sort()));
    }),
    diagnostics: computed(() => [...meshDiagnostics(view), ...rbac.value.http.diagnostics]),
  };
}
